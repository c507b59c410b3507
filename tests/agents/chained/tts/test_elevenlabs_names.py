"""ElevenLabs: whose voice it is."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from edge.core.chain import Fault, StageFailed
from tests.agents.chained.tts.benches import ElevenLabsBench, hear, quicken, run


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ElevenLabsBench:
    quicken(monkeypatch)
    return ElevenLabsBench()


def spoken(bench: ElevenLabsBench, **config: Any) -> None:
    async def test(_: object) -> None:
        await hear(bench.make(**config), "Yes.")

    run(bench, test)


def asked_for(bench: ElevenLabsBench) -> list[str]:
    return [urlsplit(socket.path).path.split("/")[3] for socket in bench.server.sockets]


def test_an_id_is_taken_as_it_is(bench: ElevenLabsBench) -> None:
    bench.server.voices["c10nedV0iceOfOwnerAb"] = "Mine"
    spoken(bench, voice="c10nedV0iceOfOwnerAb")
    assert asked_for(bench) == ["c10nedV0iceOfOwnerAb"]
    assert bench.server.exchanges == []


@pytest.mark.parametrize("name", ["Rachel", "rachel", "George", "George - Warm, Captivating Storyteller", "Geo"])
def test_a_name_is_looked_up_once(bench: ElevenLabsBench, name: str) -> None:
    async def test(_: object) -> None:
        made = bench.make(voice=name)
        made.prepare()
        for _ in range(3):
            await hear(made, "Yes.")
        found = "21m00Tcm4TlvDq8ikWAM" if name.lower() == "rachel" else "JBFqnCBsd6RMkjVDRZzb"
        assert asked_for(bench) == [found]
        assert [exchange.query["search"] for exchange in bench.server.exchanges] == [name]

    run(bench, test)


def test_the_whole_name_wins(bench: ElevenLabsBench) -> None:
    bench.server.voices = {"a" * 20: "Sarah Jane", "b" * 20: "Sarah - Soft", "c" * 20: "Sarah"}
    spoken(bench, voice="sarah")
    assert asked_for(bench) == ["c" * 20]


def test_a_name_that_nobody_has(bench: ElevenLabsBench) -> None:
    with pytest.raises(StageFailed, match=r'no voice "Nobody".*look at tts.elevenlabs.voice') as failed:
        spoken(bench, voice="Nobody")
    assert failed.value.fault is Fault.REQUEST


def test_a_name_with_a_key_that_is_refused(bench: ElevenLabsBench) -> None:
    with pytest.raises(StageFailed, match="ELEVENLABS_API_KEY") as failed:
        spoken(bench, voice="Rachel", key="xi-wrong")
    assert failed.value.fault is Fault.KEY
