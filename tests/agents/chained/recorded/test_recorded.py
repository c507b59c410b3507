"""Recordings transcribed by the vendors: times, speakers, sentiment, and what goes wrong."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import numpy as np
import pytest

from edge.agents.chained.recorded import KINDS, Passage, Recording, assemblyai, openai, passage, recorder
from edge.audio.recording import flac
from edge.config import Chained, Config, Stt
from edge.core.chain import Fault, StageFailed
from edge.errors import ConfigError, UsageError
from tests.fakes.openai_audio import FakeOpenAIAudio
from tests.fakes.openai_audio import Faults as OpenAIFaults
from tests.fakes.recordings import FakeRecordings

KEY = "k-3cr3t"
SCRIPT = ((0.5, 1.2, "Who is there?", "A"), (1.5, 2.8, "Ärger.", "B"))
SOUND = Recording(flac(np.zeros(48_000, np.int16)), 3.0)


def keys(name: str) -> str:
    return KEY if name.endswith("_api_key") else ""


def asked(kind: str, server: FakeRecordings | FakeOpenAIAudio, *, speakers: bool = True, **entry: Any) -> list[Passage]:
    """What is made of three seconds."""

    async def run() -> list[Passage]:
        async with server:
            config = Config(stt={"box": Stt(kind=kind, url=server.url, **entry)})
            return await recorder(config, "box", speakers=speakers, secret_of=keys).transcribe(SOUND)

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assemblyai, "LOOK_S", 0.01)


# --- what they tell ----------------------------------------------------------------------------------


def test_deepgram_tells_utterances():
    server = FakeRecordings(*SCRIPT)
    assert asked("deepgram", server, keyterms=("Köln",)) == [
        Passage(0.5, 1.2, "Who is there?", "A"),
        Passage(1.5, 2.8, "Ärger.", "B"),
    ]
    told = {"model": "nova-3", "utterances": "true", "diarize": "true", "detect_language": "true", "keyterm": "Köln"}
    assert told.items() <= server.asked[0].items()
    assert server.seconds == [3.0]


def test_deepgram_without_speakers():
    server = FakeRecordings(*SCRIPT)
    passages = asked("deepgram", server, speakers=False, language="de", model="nova-2")
    assert [one.speaker for one in passages] == ["", ""]
    assert "diarize" not in server.asked[0]
    assert {"language": "de", "model": "nova-2"}.items() <= server.asked[0].items()


def test_what_hears_live_only_is_not_asked_for_recordings():
    server = FakeRecordings(*SCRIPT)
    asked("deepgram", server, model="flux-general-en")
    assert server.asked[0]["model"] == "nova-3"


def test_assemblyai_tells_sentences_and_their_sentiment():
    server = FakeRecordings(*SCRIPT)
    assert asked("assemblyai", server, keyterms=("Köln",)) == [
        Passage(0.5, 1.2, "Who is there?", "A", "neutral"),
        Passage(1.5, 2.8, "Ärger.", "B", "neutral"),
    ]
    assert server.asked[0]["sentiment_analysis"] is True
    assert server.asked[0]["keyterms_prompt"] == ["Köln"]
    assert server.asked[0]["language_detection"] is True


def test_assemblyai_where_there_is_no_sentiment():
    server = FakeRecordings(*SCRIPT)
    server.sentiment = False
    assert [one.sentiment for one in asked("assemblyai", server, language="de")] == ["", ""]
    assert server.asked[0]["language_code"] == "de"


def test_assemblyai_where_there_are_no_speakers_either():
    server = FakeRecordings(*SCRIPT)
    server.sentiment = False
    assert asked("assemblyai", server, speakers=False) == [Passage(0.0, 3.0, "Who is there? Ärger.")]


def test_assemblyai_where_nobody_speaks():
    server = FakeRecordings()
    server.sentiment = False
    assert asked("assemblyai", server) == []


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("", "https://api.assemblyai.com"),
        ("wss://streaming.eu.assemblyai.com", "https://api.eu.assemblyai.com"),
        ("wss://streaming.assemblyai.com/v3/ws", "https://api.assemblyai.com"),
        ("http://box:8000/", "http://box:8000"),
    ],
)
def test_the_live_services_address_stands_for_its_sister(url, base):
    assert assemblyai._address(Stt(url=url)) == base


def test_openai_tells_speakers(monkeypatch):
    server = FakeOpenAIAudio((1.2, "Who is there?"), (2.8, "Ärger."), speakers=["A", "B"])
    server.key = KEY
    monkeypatch.setattr(openai, "model_of", lambda _config: openai.DIARIZE)
    assert asked("openai", server, language="de") == [
        Passage(0.0, 1.2, "Who is there?", "A"),
        Passage(1.2, 2.8, "Ärger.", "B"),
    ]
    assert server.requests[0].fields == {
        "model": "gpt-4o-transcribe-diarize",
        "response_format": "diarized_json",
        "chunking_strategy": "auto",
        "language": "de",
    }


def test_a_server_of_others_tells_what_whisper_does():
    server = FakeOpenAIAudio((1.2, "Who is there?"), (2.8, "Ärger."))
    server.key = KEY
    assert [one.text for one in asked("openai", server)] == ["Who is there?", "Ärger."]
    assert server.requests[0].fields == {"model": "whisper-1", "response_format": "verbose_json"}


def test_openai_takes_25_mb(monkeypatch):
    monkeypatch.setattr(openai, "MOST_BYTES", len(SOUND.audio) // 2)
    with pytest.raises(StageFailed, match="25 MB at most") as caught:
        asked("openai", FakeOpenAIAudio())
    assert caught.value.fault is Fault.REQUEST


# --- which, and with what key ------------------------------------------------------------------------


def test_the_model_that_will_hear_is_known_beforehand():
    def model(name: str, **entry: Any) -> str:
        return recorder(Config(stt={name: Stt(**entry)}), name, speakers=False, secret_of=keys).model

    assert model("deepgram") == "nova-3"
    assert model("assemblyai") == "universal-3-5-pro"
    assert model("openai") == "gpt-4o-transcribe-diarize"
    assert model("box", kind="openai", url="http://box/v1", model="small") == "small"


def test_the_language_of_the_conversation_is_that_of_recordings_too():
    server = FakeRecordings(*SCRIPT)

    async def run() -> None:
        async with server:
            config = Config(chained=Chained(language="de"), stt={"deepgram": Stt(url=server.url)})
            await recorder(config, "deepgram", speakers=False, secret_of=keys).transcribe(SOUND)

    asyncio.run(run())
    assert server.asked[0]["language"] == "de"


def test_nobody_of_this_name():
    with pytest.raises(UsageError, match=r"'foo'.*local, deepgram, assemblyai, openai"):
        recorder(Config(), "foo", speakers=False)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_key(kind):
    with pytest.raises(ConfigError, match=f"{kind}_api_key"):
        recorder(Config(), kind, speakers=False, secret_of=lambda _name: "")


def test_an_own_entry_may_use_the_key_of_its_kind():
    config = Config(stt={"eu": Stt(kind="assemblyai")})
    own = recorder(config, "eu", speakers=False, secret_of=lambda name: KEY * (name == "assemblyai_api_key"))
    assert own.model == "universal-3-5-pro"


# --- what goes wrong ---------------------------------------------------------------------------------

STATUSES = [(401, Fault.KEY), (403, Fault.KEY), (402, Fault.QUOTA), (429, Fault.BUSY), (400, Fault.REQUEST),
            (500, Fault.SERVICE), (503, Fault.SERVICE)]  # fmt: skip


@pytest.mark.parametrize(("status", "fault"), STATUSES)
@pytest.mark.parametrize("kind", KINDS)
def test_refusals(kind, status, fault):
    other, ours = FakeRecordings(*SCRIPT), FakeOpenAIAudio()
    other.status, ours.faults = status, OpenAIFaults(status=status, error={"message": "no"})
    with pytest.raises(StageFailed) as caught:
        asked(kind, ours if kind == "openai" else other)
    assert caught.value.fault is fault
    assert str(caught.value).startswith(KINDS[kind])
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_listens_there(kind):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        config = Config(stt={"box": Stt(kind=kind, url=f"http://127.0.0.1:{taken.getsockname()[1]}")})
        with pytest.raises(StageFailed) as caught:
            asyncio.run(recorder(config, "box", speakers=False, secret_of=keys).transcribe(SOUND))
    assert caught.value.fault is Fault.NETWORK


@pytest.mark.parametrize(("kind", "fault"), [("deepgram", Fault.NETWORK), ("assemblyai", Fault.SERVICE)])
def test_an_answer_that_is_none(kind, fault):
    server = FakeRecordings(*SCRIPT)
    server.garbled = True
    with pytest.raises(StageFailed) as caught:
        asked(kind, server)
    assert caught.value.fault is fault  # success without a transcript is taken for a network's login page


@pytest.mark.parametrize("kind", KINDS)
def test_no_answer(kind, monkeypatch):
    monkeypatch.setattr(passage, "ANSWER_S", 0.2)
    monkeypatch.setattr(f"edge.agents.chained.recorded.{kind}.ANSWER_S", 0.2, raising=False)
    other, ours = FakeRecordings(*SCRIPT), FakeOpenAIAudio()
    other.silent, ours.key, ours.faults = True, KEY, OpenAIFaults(silent=True)
    with pytest.raises(StageFailed) as caught:
        asked(kind, ours if kind == "openai" else other)
    assert caught.value.fault in {Fault.STALLED, Fault.NETWORK}


def test_a_transcript_that_fails():
    server = FakeRecordings(*SCRIPT)
    server.job_error = "Transcoding failed. File does not appear to contain audio."
    with pytest.raises(StageFailed, match="does not appear to contain audio") as caught:
        asked("assemblyai", server)
    assert caught.value.fault is Fault.REQUEST


def test_a_transcript_that_never_comes(monkeypatch):
    monkeypatch.setattr(assemblyai, "ANSWER_S", 0.2)
    server = FakeRecordings(*SCRIPT)
    server.processing = 10_000
    with pytest.raises(StageFailed) as caught:
        asked("assemblyai", server)
    assert caught.value.fault is Fault.STALLED


def test_a_recorder_does_not_show_its_key():
    assert KEY not in repr(recorder(Config(), "deepgram", speakers=False, secret_of=keys))
