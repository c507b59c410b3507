"""What every transcriber promises, whoever hears: being stopped, and failing."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import aclosing, suppress

import pytest

from edge.core.chain import Fault, Mark, StageFailed
from tests.agents.chained.stt.bench import WHOLE, Bench, Trouble, all_of, pcm, pieces, text
from tests.waiting import wait_until


async def failure(bench: Bench, **changes: object) -> StageFailed:
    """What hearing a second of audio ends with."""
    adapter = bench.adapter(**changes)
    with pytest.raises(StageFailed) as caught:
        await all_of(adapter, pieces(pcm(1.0), Mark.PAUSED, 5.0))
    await adapter.close()
    assert bench.key not in str(caught.value)
    assert str(caught.value).endswith((".", "?"))
    assert "\n" not in str(caught.value)
    return caught.value


# --- stopping ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cancelled", "closed"])
def test_stopped_in_mid_stream_it_tells_the_service(run, how):
    async def test(bench: Bench) -> None:
        adapter = bench.adapter()
        going = asyncio.Event()
        if not bench.partials:
            bench.fault(Trouble.SILENT)  # or it would be too fast to be stopped

        async def hear() -> None:
            async with aclosing(adapter.hear(pieces(pcm(0.6), Mark.PAUSED, 60.0))) as hearing:
                async for _ in hearing:
                    going.set()
                    if how == "closed":
                        return

        task = asyncio.create_task(hear())
        if bench.partials:
            await going.wait()
        else:
            await wait_until(lambda: task.done() or bench.attempts)
        if how == "cancelled":
            task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await wait_until(lambda: all("closed" in log for log in bench.logs))
        for log in bench.logs:
            assert log[-1] == "closed"
            assert bench.goodbye in log
        await adapter.close()

    if how == "closed":
        run(lambda bench: test(bench) if bench.partials else asyncio.sleep(0))
    else:
        run(test)


def test_stopped_before_there_is_a_connection(run):
    async def test(bench: Bench) -> None:
        bench.fault(Trouble.MUTE)
        adapter = bench.adapter()
        task = asyncio.create_task(all_of(adapter, pieces(pcm(0.6), 60.0)))
        if bench.partials:
            await wait_until(lambda: bench.attempts)
        else:
            await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await adapter.close()
        bench.mend()

    run(test)


def test_a_silent_service_can_be_left(run):
    async def test(bench: Bench) -> None:
        bench.fault(Trouble.SILENT)
        adapter = bench.adapter()
        task = asyncio.create_task(all_of(adapter, pieces(pcm(0.6))))
        await wait_until(lambda: bench.attempts)
        await asyncio.sleep(0.1)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await adapter.close()

    run(test)


# --- failing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "fault"),
    [
        (Trouble.UNAUTHORISED, Fault.KEY),
        (Trouble.FORBIDDEN, Fault.KEY),
        (Trouble.QUOTA, Fault.QUOTA),
        (Trouble.BUSY, Fault.BUSY),
        (Trouble.BROKEN, Fault.SERVICE),
        (Trouble.DROP, Fault.SERVICE),
    ],
)
def test_what_is_wrong_is_told(run, trouble, fault):
    async def test(bench: Bench) -> None:
        bench.fault(trouble)
        failed = await failure(bench)
        assert failed.fault is fault
        assert failed.retryable is (fault in {Fault.BUSY, Fault.SERVICE})
        assert failed.retry_after == (bench.retry_after if trouble is Trouble.BUSY else 0)

    run(test)


def test_who_refuses_the_key_says_where_to_set_one(run):
    async def test(bench: Bench) -> None:
        bench.fault(Trouble.UNAUTHORISED)
        told = str(await failure(bench))
        assert "_api_key" in told
        assert "_API_KEY" in told

    run(test)


def test_nobody_listens_there(run):
    async def test(bench: Bench) -> None:
        with socket.socket() as taken:  # bound, not listening
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            failed = await failure(bench, url=f"http://127.0.0.1:{port}")
        assert failed.fault is Fault.NETWORK

    run(test)


def test_no_such_name(run, monkeypatch):
    def unknown(*_args: object, **_more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def test(bench: Bench) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        failed = await failure(bench, url="https://voice.invalid")
        assert failed.fault is Fault.NETWORK
        assert "name is not found" in str(failed)

    run(test)


def test_a_handshake_that_is_not_answered(run, monkeypatch):
    async def test(bench: Bench) -> None:
        bench.hurry(monkeypatch)
        bench.fault(Trouble.MUTE)
        failed = await failure(bench)
        assert failed.fault in {Fault.NETWORK, Fault.STALLED}
        assert failed.retryable
        bench.mend()

    run(test)


def test_a_line_that_has_died(run, monkeypatch):
    async def test(bench: Bench) -> None:
        bench.hurry(monkeypatch)
        bench.fault(Trouble.HALF_OPEN)
        failed = await failure(bench)
        assert failed.fault is Fault.STALLED
        bench.mend()

    run(test)


def test_a_slow_service_is_waited_for(run):
    async def test(bench: Bench) -> None:
        bench.fault(Trouble.SLOW)
        adapter = bench.adapter()
        assert text(await all_of(adapter, pieces(pcm(1.0)))) == WHOLE
        await adapter.close()

    run(test)


def test_a_message_that_is_none(run):
    async def test(bench: Bench) -> None:
        bench.fault(Trouble.MALFORMED)
        adapter = bench.adapter()
        try:
            assert text(await all_of(adapter, pieces(pcm(1.0)))) == WHOLE
        except StageFailed as failed:
            assert failed.fault is Fault.SERVICE  # noqa: PT017  both are allowed
        await adapter.close()

    run(test)


def test_a_failure_is_of_one_turn(run):
    async def test(bench: Bench) -> None:
        adapter = bench.adapter()
        bench.fault(Trouble.DROP)
        with pytest.raises(StageFailed):
            await all_of(adapter, pieces(pcm(1.0), Mark.PAUSED, 5.0))
        bench.mend()
        assert text(await all_of(adapter, pieces(pcm(1.0)))) == WHOLE
        await adapter.close()

    run(test)


def test_an_error_of_the_listener_is_the_listeners(run):
    async def test(bench: Bench) -> None:
        async def audio():
            yield pcm(0.6)
            raise RuntimeError("the microphone is gone")

        adapter = bench.adapter()
        with pytest.raises(RuntimeError, match="microphone"):
            await all_of(adapter, audio())
        await adapter.close()

    run(test)


def test_the_key_and_the_words_stay_out_of_the_log(run, caplog):
    caplog.set_level(logging.DEBUG)

    async def test(bench: Bench) -> None:
        bench.script((0.4, "zebra"), (0.8, "crossing"))
        adapter = bench.adapter()
        assert bench.key not in repr(adapter)
        assert text(await all_of(adapter, pieces(pcm(1.0)))) == "zebra crossing"
        await adapter.close()
        ours = [record for record in caplog.records if not record.name.startswith("websockets.server")]
        assert not any(bench.key in record.getMessage() for record in ours)
        assert not any("zebra" in record.getMessage() for record in ours if "server" not in record.name)

    run(test)
