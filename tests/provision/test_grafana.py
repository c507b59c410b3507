"""The dashboard asks for nothing that the programs do not export."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from edge.accounts import Accounts
from edge.commands import Commands
from edge.config import Config, show
from edge.testing import ScriptedAgent, SimulatedDevice
from tests.relay.rig import configured, running

DASHBOARD = Path(__file__).parents[2] / "provision/grafana/edge-voice.json"


def asked() -> set[str]:
    text = DASHBOARD.read_text()
    return {re.sub(r"_bucket$", "", name) for name in re.findall(r"\bedge_voice_[a-z0-9_]+", text)}


def exported(text: str) -> set[str]:
    return set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))


def of_a_device(folder: Path) -> str:
    async def main() -> str:
        async with SimulatedDevice(ScriptedAgent([])) as device:
            accounts = Accounts(Config(), device.daemon, Commands(device.daemon, lambda: show(Config())), folder)
            return accounts.gauges.text()

    return asyncio.run(main())


def test_every_metric_of_the_dashboard_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    device = exported(of_a_device(tmp_path))
    with running(tmp_path, configured(Config())) as relay:
        there = exported(httpx.get(f"{relay.url}/metrics", headers=headers(relay)).text)
    assert {"edge_voice_ready", "edge_voice_relay_info"} <= device | there
    assert len(asked()) > 20
    assert asked() - device - there == set()


def headers(relay: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {relay.token('client', 'prometheus')}"}


def test_the_dashboard_is_whole() -> None:
    board = json.loads(DASHBOARD.read_text())
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(
        target["expr"].count("(") == target["expr"].count(")") for panel in panels for target in panel["targets"]
    )
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
