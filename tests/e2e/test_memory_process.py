"""What the whole program remembers, over a kill as well, and what is left of it when it has been told to forget."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.agents.chained.llm.openai import MODEL as DEFAULT
from tests import rig as sound
from tests.fakes.minds.sse import Reply
from tests.vendors import Vendors

WORD = "heliotrope"
FACT = f"my code word is {WORD}"
PRICE = f'[prices."{DEFAULT}"]\ntext_in = 100.0\ntext_out = 100.0\n'

pytestmark = [
    pytest.mark.pulse,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
]


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    there = Vendors()
    there.mind.script = answer
    yield there
    there.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[sound.Rig]:
    with sound.rig(tmp_path) as started:
        yield started


def answer(body: dict[str, Any]) -> Reply:
    """A model that calls the tool that the words ask for, and is content with what comes of it."""
    last = body["input"][-1]
    if last.get("type") == "function_call_output":
        return Reply(("Done", "."))
    words = json.dumps(last.get("content", ""))
    if "remember" in words:
        return Reply(calls=[("remember_fact", json.dumps({"text": FACT}))])
    if "everything" in words or "yes" in words:
        return Reply(calls=[("forget_everything", "{}")])
    return Reply(("All", " right", "."))


class Device:
    """A daemon that remembers, its two directories, and what its model was asked."""

    def __init__(self, rig: sound.Rig, vendors: Vendors, **more: str) -> None:
        self.rig, self.vendors, self.more = rig, vendors, more
        self.volatile = rig.run / "volatile"
        self.volatile.mkdir()
        self.running = self.begin()

    def begin(self) -> sound.Running:
        env = {
            "RUNTIME_DIRECTORY": str(self.volatile),
            "EDGE_VOICE_MEMORY__FACTS": "true",
            "EDGE_VOICE_MEMORY__RESUME_MINUTES": "10",
            **self.more,
        }
        config = self.rig.run / "config.toml"
        config.write_text(PRICE)
        self.running = sound.Running(self.rig, "--config", str(config), **self.vendors.env(**env))
        self.running.wait_ready()
        return self.running

    def ask(self, words: str) -> str:
        """What the model was asked when the person said this, as text."""
        before, turns = len(self.vendors.mind.asked), len(self.running.of("turn"))
        assert self.running.call("ask", words).returncode == 0
        self.running.wait_count("turn", turns + 1)
        self.running.wait_state("idle")
        return json.dumps(self.vendors.mind.asked[before].body)

    def holds(self, word: str) -> list[str]:
        """The files of the state and run-time directories with these bytes in them."""
        folders = (self.rig.run / "state", self.volatile)
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return sorted(path.name for path in files if word.encode() in path.read_bytes().lower())

    def wait(self, done: Callable[[], object], what: str) -> None:
        sound.wait_for(done, 30, what, self.running.text)


def test_it_remembers_over_a_kill_and_forgets_to_the_last_byte(rig: sound.Rig, vendors: Vendors) -> None:
    device = Device(rig, vendors)
    device.ask(f"remember that {FACT}")
    assert device.holds(WORD) == ["conversation.json", "facts.db"]
    spent = device.running.status()["budget"]["today"]
    assert spent > 0

    device.running.process.kill()
    device.running.process.wait(10)
    device.begin()
    assert device.running.status()["budget"]["today"] == pytest.approx(spent)
    asked = json.loads(device.ask("what now"))
    assert WORD in asked["instructions"]
    assert WORD in json.dumps(asked["input"])

    recordings = rig.run / "state/edge-voice/recordings"
    recordings.mkdir()
    (recordings / "2026-11-25T12-00-00Z.zip").write_text(WORD)
    device.running.call("forget")
    device.wait(lambda: device.running.of("forgotten"), "the conversation to be forgotten")
    device.wait(lambda: device.holds(WORD) == ["2026-11-25T12-00-00Z.zip", "facts.db"], "only facts and recordings")
    asked = json.loads(device.ask("what now"))
    assert WORD in asked["instructions"]
    assert WORD not in json.dumps(asked["input"])

    device.ask("forget everything")
    device.wait(lambda: len(device.running.of("state")) and "Shall I forget everything" in said(device), "the question")
    device.running.wait_state("idle")
    assert device.holds(WORD) != []
    device.ask("yes")
    device.wait(lambda: any(event.get("everything") for event in device.running.of("forgotten")), "the end of it")
    device.wait(lambda: device.holds(WORD) == [], "no byte of it to be left")
    assert WORD not in device.ask("what now")

    device.running.process.terminate()
    device.running.process.wait(20)
    assert device.holds(WORD) == []


def test_the_soft_budget_is_told_aloud_and_shown_and_forget_everything_is_a_command_too(
    rig: sound.Rig, vendors: Vendors, tmp_path: Path
) -> None:
    device = Device(rig, vendors, EDGE_VOICE_BUDGET__WARN="0.02", EDGE_VOICE_BUDGET__DAILY="9")
    device.ask(f"remember that {FACT}")
    device.wait(lambda: "Talking has cost 0.0" in said(device), "the notice")
    told = [str(event["message"]) for event in device.running.of("error")]
    assert [message for message in told if "budget.warn = 0.02; at 9.00 it ends for the day" in message]
    budget = device.running.status()["budget"]
    assert (budget["state"], budget["daily"], budget["warn"]) == ("warned", 9.0, 0.02)
    assert "today (warned), about" in device.running.call("status").stdout
    lines = device.running.call("metrics").stdout.splitlines()
    plain = [line.split() for line in lines if line[:1] != "#" and "{" not in line]
    values = {name: float(value) for name, value in plain}
    assert values["edge_voice_spent_today"] == budget["today"] > 0.02
    assert values["edge_voice_forecast_month"] >= values["edge_voice_spent_month"] > 0.02
    assert device.running.call("usage", "--plot", str(tmp_path / "usage.png")).returncode == 0
    assert (tmp_path / "usage.png").read_bytes().startswith(b"\x89PNG")

    assert "facts.db" in device.holds(WORD)
    assert device.running.call("forget", "--everything").returncode == 0
    device.wait(lambda: device.holds(WORD) == [], "no byte of it to be left")


def said(device: Device) -> str:
    return "".join(str(event["text"]) for event in device.running.of("reply_transcript"))
