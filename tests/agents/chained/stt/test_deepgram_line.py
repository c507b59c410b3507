"""Deepgram v1: its line, what can go wrong on it, and the SDK."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys

import pytest

from edge.agents.chained.stt import nova, settling
from edge.core.chain import Fault, StageFailed
from tests.agents.chained.stt.bench import Trouble, all_of, heard, pcm, pieces
from tests.agents.chained.stt.bench_deepgram import NovaBench, on, over
from tests.fakes.deepgram_session import Faults


def test_a_silent_turn_is_kept_alive(monkeypatch):
    async def test(bench: NovaBench) -> None:
        bench.server.faults = Faults(quiet_s=0.4)
        monkeypatch.setattr(nova.NovaTurn, "keep_alive_s", 0.1)
        assert await over(bench, pcm(0.6), 1.0, pcm(0.4)) == "turn on the light"
        assert "KeepAlive" in bench.logs[-1]
        monkeypatch.setattr(nova.NovaTurn, "keep_alive_s", None)
        with pytest.raises(StageFailed, match="NET-0001") as caught:
            await over(bench, pcm(0.6), 1.0, pcm(0.4))
        assert caught.value.fault is Fault.SERVICE

    on(test)


def test_while_audio_flows_nothing_else_does(monkeypatch):
    async def test(bench: NovaBench) -> None:
        monkeypatch.setattr(nova.NovaTurn, "keep_alive_s", 0.2)
        adapter = bench.adapter()
        await all_of(adapter, pieces(pcm(1.0), pace=0.6))
        await adapter.close()
        assert "KeepAlive" not in bench.logs[-1]

    on(test)


def test_a_prepared_line_that_the_service_has_ended_is_not_used():
    async def test(bench: NovaBench) -> None:
        bench.server.faults = Faults(quiet_s=0.1)
        adapter = bench.adapter()
        adapter.prepare()
        await asyncio.sleep(0.5)
        bench.mend()
        assert heard(await all_of(adapter, pieces(pcm(1.0))))[-1].text == "turn on the light"
        assert [log[:1] for log in bench.logs] == [["closed"], ["audio"]]
        await adapter.close()

    on(test)


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "[]",
        '"Results"',
        "null",
        "{}",
        '{"type": "NewThing", "a": 1}',
        '{"type": "Results"}',
        '{"type": "Results", "is_final": true, "start": 0, "duration": 1, "channel": {"alternatives": []}}',
        '{"type": "Results", "is_final": true, "start": "x", "duration": 1, "channel": {"alternatives": [{}]}}',
        '{"type": "Results", "channel": {"alternatives": [{"transcript": 5, "words": 7}]}, "start": 0, "duration": 1}',
        "[" * 100_000,
    ],
)
def test_one_message_that_cannot_be_read_does_no_harm(message, caplog):
    async def test(bench: NovaBench) -> None:
        bench.server.faults = Faults(say_at_s=0.5, say=(message, message))
        assert await over(bench, pcm(1.0)) == "turn on the light"
        assert len([record for record in caplog.records if "unreadable" in record.message]) <= 1

    caplog.set_level(logging.WARNING)
    on(test)


@pytest.mark.parametrize(
    ("error", "fault", "told"),
    [
        (
            {"variant": "SchemaError", "description": "Could not deserialize last text message"},
            Fault.REQUEST,
            "Deepgram does not take the request: Could not deserialize last text message. Look at [stt.deepgram].",
        ),
        ({"code": "NET-0000", "description": "No worker."}, Fault.SERVICE, "Deepgram has a fault: No worker."),
        ({"description": "Not enough credits."}, Fault.QUOTA, ""),
    ],
)
def test_an_error_in_the_stream(error, fault, told):
    async def test(bench: NovaBench) -> None:
        bench.server.faults = Faults(say_at_s=0.5, say=(json.dumps({"type": "Error"} | error),))
        with pytest.raises(StageFailed) as caught:
            await over(bench, pcm(1.0), 2.0)
        assert caught.value.fault is fault
        assert told in str(caught.value)

    on(test)


@pytest.mark.parametrize("code", [1000, 1008, 1011])
def test_a_service_that_hangs_up_before_the_end(code):
    async def test(bench: NovaBench) -> None:
        bench.server.faults = Faults(shut_at_s=0.5, shut=(code, "DATA-0000"))
        with pytest.raises(StageFailed) as caught:
            await over(bench, pcm(1.0), 2.0)
        assert caught.value.fault is Fault.SERVICE
        assert str(caught.value) == "Deepgram hung up: DATA-0000."

    on(test)


def test_a_line_that_breaks_off_before_the_last_words_is_no_end():
    async def test(bench: NovaBench) -> None:
        bench.server.faults = Faults(drop_at_end=True, deaf_to_finalize=True)
        with pytest.raises(StageFailed, match="hung up") as caught:
            await over(bench, pcm(1.0))
        assert caught.value.fault is Fault.SERVICE

    on(test)


def test_an_end_that_is_not_confirmed(monkeypatch):
    async def test(bench: NovaBench) -> None:
        monkeypatch.setattr(settling, "LAST_S", 0.2)
        bench.fault(Trouble.SILENT)
        with pytest.raises(StageFailed) as caught:
            await over(bench, pcm(1.0))
        assert caught.value.fault is Fault.STALLED

    on(test)


# --- the SDK -------------------------------------------------------------------------------------------


def test_without_the_sdk_one_is_told_what_to_install(monkeypatch):
    async def test(bench: NovaBench) -> None:
        monkeypatch.setitem(sys.modules, "deepgram", None)
        with pytest.raises(StageFailed, match=r"edge-voice\[cloud\]") as caught:
            await over(bench, pcm(1.0))
        assert caught.value.fault is Fault.REQUEST

    on(test)


def test_making_one_imports_no_sdk():
    program = (
        "import sys\n"
        "from edge.agents.chained.stt.deepgram import Deepgram\n"
        "from edge.config import Stt\n"
        "Deepgram('deepgram', Stt(), 'k'), Deepgram('deepgram', Stt(turns='service'), 'k')\n"
        "print([name for name in ('deepgram', 'httpx', 'pydantic') if name in sys.modules])\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
