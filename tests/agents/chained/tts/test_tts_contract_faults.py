"""How every voice fails (ports.Stage), shown for each protocol on a server that breaks it."""

from __future__ import annotations

import logging
import socket

import pytest

from edge.core.chain import Fault, StageFailed
from tests.agents.chained.tts.benches import CLAUSES, LONG, Bench, hear, run


def fails(bench: Bench, *clauses: str, made=None) -> StageFailed:
    """How speaking fails."""
    failures: list[StageFailed] = []

    async def test(bench: Bench) -> None:
        with pytest.raises(StageFailed) as failed:
            await hear(made or bench.make(), *(clauses or CLAUSES))
        failures.append(failed.value)

    run(bench, test)
    return failures[0]


@pytest.mark.parametrize(
    ("status", "fault"),
    [(401, Fault.KEY), (403, Fault.KEY), (500, Fault.SERVICE), (503, Fault.SERVICE), (302, Fault.NETWORK)],
)
def test_a_status(bench: Bench, status: int, fault: Fault) -> None:
    bench.refuse(status)
    failure = fails(bench)
    assert failure.fault is fault
    assert failure.retryable is (fault is not Fault.KEY)


def test_too_many_requests(bench: Bench) -> None:
    bench.refuse(429, {"Retry-After": "7"})
    failure = fails(bench)
    assert (failure.fault, failure.retry_after) == (Fault.BUSY, 7)


def test_a_wrong_key(bench: Bench) -> None:
    wrong = "sk-quite-wrong"

    async def test(bench: Bench) -> None:
        with pytest.raises(StageFailed) as failed:
            await hear(bench.make(key=wrong), *CLAUSES)
        assert failed.value.fault is Fault.KEY
        assert wrong not in str(failed.value)
        assert "_api_key" in str(failed.value)

    run(bench, test)


def test_an_empty_account(bench: Bench) -> None:
    bench.quota()
    assert fails(bench).fault is Fault.QUOTA


def test_a_voice_that_is_not_there(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        if not bench.knows_voices:
            pytest.skip("the fake takes any voice")
        with pytest.raises(StageFailed) as failed:
            await hear(bench.make(voice="x" * 20), *CLAUSES)
        assert failed.value.fault is Fault.REQUEST

    run(bench, test)


def test_nobody_listens(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
            with pytest.raises(StageFailed) as failed:
                await hear(bench.make(url=url), *CLAUSES)
        assert failed.value.fault is Fault.NETWORK

    run(bench, test)


def test_a_name_that_is_none(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        with pytest.raises(StageFailed) as failed:
            await hear(bench.make(url="http://nobody.invalid"), *CLAUSES)
        assert failed.value.fault is Fault.NETWORK

    run(bench, test)


def test_connecting_has_a_limit(bench: Bench) -> None:
    bench.hang()
    assert fails(bench).fault in {Fault.NETWORK, Fault.STALLED}


def test_a_half_open_line(bench: Bench) -> None:
    bench.freeze()
    assert fails(bench, LONG).fault in {Fault.STALLED, Fault.NETWORK}


def test_a_service_that_says_nothing(bench: Bench) -> None:
    bench.silent()
    assert fails(bench).fault is Fault.STALLED


def test_a_line_that_breaks_off(bench: Bench) -> None:
    bench.drop()
    assert fails(bench, LONG).fault is Fault.SERVICE


def test_nonsense(bench: Bench) -> None:
    if bench.skips_nonsense:
        pytest.skip("their client passes over it")
    bench.garble()
    assert fails(bench, LONG).fault is Fault.SERVICE


def test_a_slow_line_is_none_that_fails(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        bench.slow(0.1)
        assert (await hear(bench.make(), LONG)).pcm == bench.expected(LONG)

    run(bench, test)


def test_the_next_reply_after_a_failure(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        made = bench.make()
        bench.drop()
        with pytest.raises(StageFailed):
            await hear(made, LONG)
        bench.faults.drop_at = None
        assert (await hear(made, *CLAUSES)).pcm == bench.expected(*CLAUSES)

    run(bench, test)


def test_the_key_is_in_nothing_that_is_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async def test(bench: Bench) -> None:
        caplog.set_level(logging.DEBUG)
        made = bench.make()
        await hear(made, *CLAUSES)
        bench.drop()
        with pytest.raises(StageFailed) as failed:
            await hear(made, LONG)
        key = bench.key
        edge = [record.getMessage() for record in caplog.records if record.name.startswith(("edge", "websockets"))]
        assert key not in repr(made) + str(failed.value) + "".join(edge)

    run(bench, test)
