"""The journal: fields to search by, and nothing that was said. The engine is the Realtime one, the server a fake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machines.device import Device, measured
from tests.machines.models import MODELS
from tests.machines.vendor import Server

pytestmark = [pytest.mark.nspawn, pytest.mark.slow]
QUESTION = "where did I put the zucchini"


@pytest.fixture
def talking(device: Device) -> Iterator[Device]:
    """Ready with the Realtime engine."""
    with Server(device.machine) as server:
        device.configure(f'[realtime]\nurl = "{server.fake.url}"\n[conversation]\nfollow_up_s = 0\n')
        device.machine.shell("""sed -i 's/"none"/"realtime"/' /etc/edge-voice/config.toml""")
        measured.append(("start -> READY, engine realtime (fake server)", device.restart()))
        yield device


def exchange(device: Device, turn: int) -> list[dict[str, str]]:
    """A typed question and its answer; what the journal has of it."""
    device.ask("ask", QUESTION)
    device.machine.until(lambda: device.entries("EVENT=turn", f"TURN={turn}"), 20, "answered")
    device.until_text("Idle, engine realtime")
    return device.entries(f"TURN={turn}")


def test_an_exchange_can_be_found_by_its_number(talking: Device) -> None:
    exchange(talking, 1)
    entries = exchange(talking, 2)
    assert {entry["TURN"] for entry in entries} == {"2"}
    by_event = {entry["EVENT"]: entry for entry in entries}
    assert {"state", "turn"} <= by_event.keys()
    turn = by_event["turn"]
    assert (turn["SYSLOG_IDENTIFIER"], turn["PRIORITY"], turn["ENGINE"]) == ("edge-voice", "6", "realtime")
    assert turn["STATE"] == "speaking"
    assert int(turn["LATENCY_FIRST_SOUND"]) >= int(turn["LATENCY_FIRST_AUDIO"]) >= 0
    assert talking.machine.run("journalctl", "-t", "edge-voice", "TURN=2", "-o", "cat").count("turn kind=text") == 1


def test_a_lost_device_is_named(talking: Device) -> None:
    talking.rig.pactl("suspend-source", "mic", "1")
    talking.until_text("has stopped")
    talking.rig.pactl("suspend-source", "mic", "0")
    talking.until_text("Idle, engine realtime")
    (lost,) = talking.entries("EVENT=error", "WHERE=microphone")
    assert (lost["DEVICE"], lost["PRIORITY"], lost["STATE"]) == ("usbmic", "4", "error")


def test_neither_words_nor_keys_are_written_down(talking: Device) -> None:
    exchange(talking, 1)
    talking.ask("say", "remember the zucchini")
    talking.until_text("Speaking")
    talking.until_text("Idle, engine realtime")
    whole = talking.machine.run("journalctl", "-o", "export", "--no-pager")
    for words in ("zucchini", "marmalade", talking.key):
        assert words not in whole
    assert "EVENT=turn" in whole


def test_unless_the_owner_wants_the_words(talking: Device) -> None:
    talking.machine.shell("printf '[log]\\ntranscripts = true\\n' >> /etc/edge-voice/config.toml")
    talking.machine.run("systemctl", "reload", "edge-voice")
    talking.machine.until(lambda: any("reloaded" in one["MESSAGE"] for one in talking.entries()), 10, "reloaded")
    entries = exchange(talking, 1)
    messages = " ".join(entry["MESSAGE"] for entry in entries)
    assert "zucchini" in messages
    assert "marmalade" in messages
    talking.machine.run("journalctl", "--rotate", "--vacuum-time=1s")


@pytest.mark.skipif(not MODELS.is_dir(), reason="the offline models are not here: edge-voice models fetch")
def test_the_offline_engine_answers_in_the_sandbox(device: Device) -> None:
    device.configure('[local]\nmodels_dir = "/models"\nllm = "off"\n')
    device.machine.shell("""sed -i 's/"none"/"local"/' /etc/edge-voice/config.toml""")
    measured.append(("start -> READY, engine local (no language model)", device.restart()))
    device.ask("ask", "what is twelve times eleven")
    device.machine.until(lambda: device.entries("EVENT=turn", "TURN=1"), 30, "answered")
    assert device.machine.property("MemoryDenyWriteExecute") == ("no" if device.machine.is_x86 else "yes")
