"""What every language model makes of what goes wrong."""

from __future__ import annotations

import asyncio
import logging

import pytest

from edge.agents.chained.llm import line
from edge.config import Llm
from edge.core.chain import Fault, StageFailed
from tests.agents.chained.llm.benches import CHAT, CLAUDE, GEMINI, HELLO, Bench, all_of, ask, each, failure, text
from tests.fakes.minds.sse import KEY, Reply

STATUS = [
    (401, "", Fault.KEY),
    (403, "", Fault.KEY),
    (404, "", Fault.REQUEST),
    (400, "", Fault.REQUEST),
    (429, "", Fault.BUSY),
    (429, "quota", Fault.QUOTA),
    (500, "", Fault.SERVICE),
    (503, "", Fault.SERVICE),
    (302, "", Fault.NETWORK),
]


@each
@pytest.mark.parametrize(("status", "problem", "fault"), STATUS)
def test_a_status_has_its_meaning(bench: Bench, status: int, problem: str, fault: Fault) -> None:
    async def test(mind, service):
        service.faults.status, service.faults.problem = status, problem
        service.faults.headers = {"Location": "http://portal.invalid/"} if status == 302 else {}
        failed = await failure(mind)
        assert failed.fault is fault
        assert str(failed).startswith(f"{bench.vendor} ({bench.name}) ")
        assert "\n" not in str(failed)
        service.faults.status = 0
        assert text(await all_of(mind)) == "Hello there."

    bench.run(test)


@each
def test_a_wrong_key_names_its_credential(bench: Bench) -> None:
    async def test(mind, service):
        service.keys = {"another"}
        failed = await failure(mind)
        assert failed.fault is Fault.KEY
        assert f"credential {mind.credential}, or {mind.credential.upper()}" in str(failed)

    bench.run(test, refused=True)


@each
def test_a_model_that_has_gone_is_the_owners_to_change(bench: Bench) -> None:
    async def test(mind, service):
        service.models = {"another"}
        failed = await failure(mind)
        assert failed.fault is Fault.REQUEST
        assert f"[llm.{bench.name}]" in str(failed)

    bench.run(test, refused=True)


@each
def test_busy_for_how_long(bench: Bench) -> None:
    async def test(mind, service):
        service.faults.status, service.faults.headers = 429, {"Retry-After": "7"}
        failed = await failure(mind)
        assert (failed.fault, failed.retry_after) == (Fault.BUSY, 7.0)
        assert len(service.asked) == 1  # the client has not tried again by itself

    bench.run(test)


@each
@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_client_does_not_try_again_by_itself(bench: Bench, status: int) -> None:
    async def test(mind, service):
        service.faults.status = status
        await failure(mind)
        assert len(service.asked) == 1

    bench.run(test)


@each
@pytest.mark.parametrize(("problem", "fault"), [("quota", Fault.QUOTA), ("", Fault.SERVICE)])
def test_an_error_told_after_a_good_beginning(bench: Bench, problem: str, fault: Fault) -> None:
    async def test(mind, service):
        service.faults.kind, service.faults.problem, service.faults.after = "told", problem, 3
        assert (await failure(mind)).fault is fault

    bench.run(test)


@pytest.mark.parametrize("bench", [CLAUDE, GEMINI], ids=lambda bench: bench.name)
def test_overload_told_after_a_good_beginning(bench: Bench) -> None:
    async def test(mind, service):
        service.faults.kind, service.faults.problem = "told", "busy"
        assert (await failure(mind)).fault is Fault.BUSY

    bench.run(test)


@each
@pytest.mark.parametrize("kind", ["drop", "end"])
def test_a_line_that_breaks_off(bench: Bench, kind: str) -> None:
    """Whether TCP ends, or only the stream does: without the service's own end it was not the end."""

    async def test(mind, service):
        service.faults.kind, service.faults.after = kind, 6
        got: list[object] = []

        async def take() -> None:
            async for piece in mind.think(HELLO):
                got.append(piece)  # noqa: PERF401  what came before the failure counts

        with pytest.raises(StageFailed) as caught:
            await take()
        assert caught.value.fault is Fault.SERVICE
        assert got
        assert set(got) == {"word "}

    bench.run(test, Reply(("word ",) * 20))


@each
@pytest.mark.parametrize("frame", ["{", "[1, 2]", "17", '"text"', '{"type": 3}', "\x00\xff"])
def test_nonsense(bench: Bench, frame: str) -> None:
    async def test(mind, service):
        service.faults.kind, service.faults.malformed = "malformed", frame
        assert (await failure(mind)).fault is Fault.SERVICE

    bench.run(test)


@each
@pytest.mark.parametrize("raw", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"])
def test_somebody_else_answers(bench: Bench, raw: bytes) -> None:
    async def test(mind, service):
        service.faults.raw = raw
        assert (await failure(mind)).fault in {Fault.SERVICE, Fault.NETWORK}

    bench.run(test)


@each
@pytest.mark.parametrize("half_open", [False, True])
def test_a_line_that_has_died_is_given_up(bench: Bench, half_open: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "READ_S", 0.2)

    async def test(mind, service):
        service.faults.silent, service.faults.kind = not half_open, "freeze" if half_open else ""
        failed = await failure(mind)
        assert failed.fault is Fault.STALLED
        await service.until(lambda: service.last.left)

    bench.run(test)


@each
def test_a_slow_line_is_not_a_dead_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "READ_S", 0.5)

    async def test(mind, service):
        service.faults.token_ms = 100
        assert text(await all_of(mind)) == "word " * 8

    bench.run(test, Reply(("word ",) * 8))


@each
def test_nobody_listens(bench: Bench) -> None:
    async def test(mind, service):
        failed = await failure(mind)
        assert failed.fault is Fault.NETWORK
        assert "refused" in str(failed)

    bench.run(test, config=Llm(url="http://127.0.0.1:9/v1"))


@each
def test_a_name_that_is_not_found(bench: Bench) -> None:
    async def test(mind, service):
        failed = await failure(mind)
        assert failed.fault is Fault.NETWORK
        assert "is there a network?" in str(failed)

    bench.run(test, config=Llm(url="http://nowhere.invalid/v1"))


@each
def test_an_address_that_is_none(bench: Bench) -> None:
    async def test(mind, service):
        failed = await failure(mind)
        assert failed.fault is Fault.REQUEST
        assert f"llm.{bench.name}.url" in str(failed)

    bench.run(test, config=Llm(url="ftp://127.0.0.1/v1"))


@each
def test_a_handshake_that_never_ends(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "CONNECT_S", 0.2)

    async def main() -> None:
        over = asyncio.Event()

        async def deaf(reader, writer):
            await over.wait()
            writer.close()

        async with await asyncio.start_server(deaf, "127.0.0.1", 0) as server:
            mind = bench.mind(Llm(url=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
            failed = await failure(mind)
            assert failed.fault is Fault.NETWORK
            assert "does not answer" in str(failed)
            await mind.close()
            over.set()

    asyncio.run(asyncio.wait_for(main(), 60))


@each
def test_closing_ends_what_is_going_on(bench: Bench) -> None:
    async def test(mind, service):
        service.faults.silent = True
        task = asyncio.ensure_future(failure(mind))
        await service.until(lambda: service.asked)
        await mind.close()
        await mind.close()
        assert (await task).fault is Fault.SERVICE
        service.faults.silent = False
        assert text(await all_of(mind)) == "Hello there."

    bench.run(test)


@each
def test_closing_in_the_middle_of_getting_ready(bench: Bench) -> None:
    async def test(mind, service):
        mind.prepare()
        await asyncio.sleep(0)
        await mind.close()
        assert service.open == 0

    bench.run(test)


@each
def test_neither_key_nor_words_get_out(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def test(mind, service):
        service.faults.status, service.faults.message = 400, f"The key {KEY} is odd."
        failed = await failure(mind)
        service.faults.status = 0
        assert text(await all_of(mind, ask("My number is 4711"))) == "A secret."
        told = f"{failed!r} {failed} {mind!r} {mind.service!r} {failed.__cause__} {caplog.text}"
        assert KEY not in told
        assert "secret" not in told
        assert "4711" not in told

    bench.run(test, Reply(("A secret.",)))


def test_a_credential_is_the_entrys_own_where_it_has_a_name() -> None:
    from edge.agents.chained.llm import mind

    named = mind("kitchen", Llm(kind="chat", url="http://127.0.0.1:1/v1"), "")
    assert named.service.credential == "kitchen_api_key"  # type: ignore[attr-defined]
    assert CHAT.mind(Llm()).service.credential == "openai_api_key"
