"""What is wrong with the panel, as `status` has it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from edge.ports import Fields
from tests.host.served import served


def test_status_tells_what_of_the_panel_cannot_be_used_and_a_light_while_it_is_dark(tmp_path: Path) -> None:
    async def main() -> list[object]:
        told: list[object] = []
        async with served(tmp_path / "c.sock") as device, device.client() as client:
            publish = device.device.daemon.publish
            happened: list[tuple[str, Fields]] = [
                ("error", {"where": "engine", "message": "No network."}),
                ("error", {"where": "panel", "message": "The button at GPIO17 cannot be used: busy."}),
                ("error", {"where": "light", "message": "The light has failed."}),
                ("light", {"ok": True}),
            ]
            for event, fields in happened:
                publish(event, fields)
                told.append((await client.do("status"))["result"]["panel"])
        return told

    button = "The button at GPIO17 cannot be used: busy."
    assert asyncio.run(main()) == [[], [button], [button, "The light has failed."], [button]]
