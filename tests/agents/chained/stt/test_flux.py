"""Deepgram v2 (Flux): who ends a turn, and with what."""

from __future__ import annotations

import asyncio
import json

import pytest

from edge.core.chain import Fault, Heard, Mark, StageFailed, Standing, Used
from tests.agents.chained.stt.bench import heard, pcm, pieces
from tests.agents.chained.stt.bench_deepgram import NovaBench, on, turn
from tests.fakes.deepgram_session import Faults
from tests.waiting import wait_until

SERVICE = {"turns": "service"}
DEVICE = {"model": "flux-general-en"}


@pytest.mark.parametrize(
    ("settings", "ends"),
    [
        (SERVICE, {"eot_threshold": "0.7", "eager_eot_threshold": "0.4", "eot_timeout_ms": "1500"}),
        (SERVICE | {"eager_confidence": 0.0}, {"eot_threshold": "0.7", "eot_timeout_ms": "1500"}),
        (
            SERVICE | {"end_confidence": 0.3, "eager_confidence": 0.1, "silence_ms": 300},
            {"eot_threshold": "0.5", "eager_eot_threshold": "0.3", "eot_timeout_ms": "500"},
        ),
        (
            SERVICE | {"end_confidence": 0.5, "eager_confidence": 0.9},
            {"eot_threshold": "0.5", "eager_eot_threshold": "0.5", "eot_timeout_ms": "1500"},
        ),
        (DEVICE, {"eot_threshold": "1.0", "eot_timeout_ms": "60000"}),
    ],
)
def test_the_query(settings, ends):
    async def test(bench: NovaBench) -> None:
        await turn(bench, pcm(1.0), keyterms=("Grünau", "edge"), **settings)
        seen = bench.server.seen[-1]
        assert seen.path == "/v2/listen"
        assert seen.query[-2:] == [("keyterm", "Grünau"), ("keyterm", "edge")]
        common = {"model": "flux-general-en", "encoding": "linear16", "sample_rate": "16000", "keyterm": "edge"}
        assert dict(seen.query) == common | ends

    on(test)


def test_another_language_is_a_hint():
    async def test(bench: NovaBench) -> None:
        await turn(bench, pcm(1.0), language="de", **SERVICE)
        query = dict(bench.server.seen[-1].query)
        assert query["model"] == "flux-general-multi"
        assert query["language_hint"] == "de"

    on(test)


def test_the_service_ends_the_turn_while_audio_still_comes():
    async def test(bench: NovaBench) -> None:
        adapter = bench.adapter(**SERVICE)
        ended = asyncio.Event()

        async def audio():
            async for piece in pieces(pcm(2.0)):
                yield piece
            await ended.wait()  # the device is not over

        items = [item async for item in adapter.hear(audio())]
        await adapter.close()
        await wait_until(lambda: bench.logs[-1][-1] == "closed")
        assert [(item.text, item.standing) for item in heard(items)] == [
            ("turn on", Standing.PARTIAL),
            ("turn on the light", Standing.PARTIAL),
            ("turn on the light", Standing.EAGER),
            ("turn on the light", Standing.OVER),
        ]
        assert "ForceEndTurn" not in bench.logs[-1]
        assert bench.logs[-1][-2:] == ["CloseStream", "closed"]
        assert {item.model for item in items if isinstance(item, Used)} == {"flux-general-en"}

    on(test)


def test_who_goes_on_after_an_eager_end_is_heard_out():
    async def test(bench: NovaBench) -> None:
        bench.script((0.4, "turn on"), (1.0, "the light"))
        items = await turn(bench, pcm(2.0), **SERVICE)
        assert [(item.text, item.standing) for item in items if item.standing is not Standing.PARTIAL] == [
            ("turn on", Standing.EAGER),
            ("turn on the light", Standing.RESUMED),
            ("turn on the light", Standing.EAGER),
            ("turn on the light", Standing.OVER),
        ]

    on(test)


def test_what_the_device_says_of_pauses_is_not_the_services_business():
    async def test(bench: NovaBench) -> None:
        items = await turn(bench, pcm(0.9), Mark.PAUSED, 0.7, Mark.RESUMED, pcm(0.1), eager_confidence=0.0, **SERVICE)
        assert [item.standing for item in items if item.standing is not Standing.PARTIAL] == [Standing.OVER]

    on(test)


def test_the_device_may_end_the_turn_before_the_service_does():
    async def test(bench: NovaBench) -> None:
        items = await turn(bench, pcm(0.9), **SERVICE)
        assert items[-1] == Heard("turn on the light", Standing.OVER)
        assert bench.logs[-1] == ["audio", "ForceEndTurn", "CloseStream", "closed"]

    on(test)


def test_only_the_device_ends_a_turn_that_is_its_own():
    async def test(bench: NovaBench) -> None:
        bench.script((0.4, "turn on"), (5.0, "the light"))
        items = await turn(bench, pcm(9.0), **DEVICE)
        assert {item.standing for item in items[:-1]} == {Standing.PARTIAL}
        assert items[-1] == Heard("turn on the light", Standing.OVER)
        assert bench.server.seen[-1].sent.count("EndOfTurn") == 1

    on(test)


def test_a_turn_of_the_device_may_be_several_of_the_service():
    async def test(bench: NovaBench) -> None:
        bench.script((0.4, "turn on"), (62.0, "the light"))
        items = await turn(bench, pcm(63.0), **DEVICE)
        assert bench.server.seen[-1].sent.count("EndOfTurn") == 2, "after a minute of silence"
        assert items[-1] == Heard("turn on the light", Standing.OVER)

    on(test)


def test_an_end_with_no_turn_to_end():
    async def test(bench: NovaBench) -> None:
        items = await turn(bench, pcm(62.0), **DEVICE)
        assert bench.server.seen[-1].sent[-2:] == ["Warning", "Update"]
        assert items[-1] == Heard("turn on the light", Standing.OVER)

    on(test)


def test_there_is_no_keep_alive():
    async def test(bench: NovaBench) -> None:
        await turn(bench, pcm(0.5), 0.5, pcm(0.5), **DEVICE)
        assert set(bench.logs[-1]) == {"audio", "ForceEndTurn", "CloseStream", "closed"}

    on(test)


@pytest.mark.parametrize(
    ("code", "fault"), [("INTERNAL_SERVER_ERROR", Fault.SERVICE), ("UNPARSABLE_CLIENT_MESSAGE", Fault.REQUEST)]
)
def test_a_fatal_error(code, fault):
    async def test(bench: NovaBench) -> None:
        error = {"type": "Error", "sequence_id": 9, "code": code, "description": "It is over"}
        bench.server.faults = Faults(say_at_s=0.5, say=(json.dumps(error),))
        with pytest.raises(StageFailed, match="It is over") as caught:
            await turn(bench, pcm(1.0), 2.0, **DEVICE)
        assert caught.value.fault is fault

    on(test)


@pytest.mark.parametrize("message", ['{"type": "TurnInfo"}', '{"type": "TurnInfo", "event": "EndOfTurn"}', "{"])
def test_one_message_that_cannot_be_read_does_no_harm(message):
    async def test(bench: NovaBench) -> None:
        bench.server.faults = Faults(say_at_s=0.5, say=(message,))
        items = await turn(bench, pcm(1.0), **DEVICE)
        assert items[-1] == Heard("turn on the light", Standing.OVER)

    on(test)
