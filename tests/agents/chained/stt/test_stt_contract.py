"""What every transcriber promises, whoever hears: the turn."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing

from edge.core.chain import Heard, Mark, Standing, Used
from tests.agents.chained.stt.bench import WHOLE, Bench, Trouble, all_of, heard, pcm, pieces, text
from tests.waiting import wait_until

# --- a turn --------------------------------------------------------------------------------------------


def test_words_come_as_they_are_spoken_and_all_of_them_at_the_end(run):
    async def test(bench: Bench) -> None:
        adapter = bench.adapter()
        items = await all_of(adapter, pieces(pcm(1.0), pace=0.2))
        assert text(items) == WHOLE
        if bench.partials:
            assert Heard("turn on") in items
        await adapter.close()

    run(test)


def test_the_audio_arrives_byte_for_byte(run):
    async def test(bench: Bench) -> None:
        adapter, sent = bench.adapter(), pcm(1.01)[:-2]
        await all_of(adapter, pieces(sent))
        await adapter.close()
        assert bench.same(bench.audio[-1], sent)

    run(test)


def test_audio_waits_for_a_slow_handshake(run):
    async def test(bench: Bench) -> None:
        bench.fault(Trouble.SLOW_HANDSHAKE)
        adapter, sent = bench.adapter(), pcm(1.0)
        assert text(await all_of(adapter, pieces(sent, pace=0.3))) == WHOLE
        await adapter.close()
        assert bench.same(bench.audio[-1], sent)

    run(test)


def test_audio_that_comes_faster_than_real_time_is_heard(run):
    async def test(bench: Bench) -> None:
        adapter, sent = bench.adapter(), pcm(20.0)
        assert text(await all_of(adapter, pieces(sent))) == WHOLE
        await adapter.close()

    run(test)


def test_what_was_used_is_told(run):
    async def test(bench: Bench) -> None:
        adapter = bench.adapter()
        items = await all_of(adapter, pieces(pcm(1.0)))
        used = [item for item in items if isinstance(item, Used)]
        assert used
        assert {item.model for item in used} == {used[0].model}
        assert all(amount > 0 for item in used for amount in item.amounts.values())
        assert items.index(used[-1]) < items.index(heard(items)[-1]), "with OVER the listener may leave"
        await adapter.close()

    run(test)


def test_a_pause_is_answered_with_all_that_was_said(run):
    async def test(bench: Bench) -> None:
        adapter = bench.adapter()
        if adapter.ends_turns:
            return
        eager = asyncio.Event()

        async def audio():
            async for piece in pieces(pcm(1.0), Mark.PAUSED):
                yield piece
            await eager.wait()

        items = []
        async with asyncio.timeout(5), aclosing(adapter.hear(audio())) as hearing:
            async for item in hearing:
                items.append(item)
                if isinstance(item, Heard) and item.standing is Standing.EAGER:
                    assert item.text == WHOLE
                    eager.set()
        assert text(items) == WHOLE
        assert [item.standing for item in heard(items)].count(Standing.EAGER) == 1
        await adapter.close()

    run(test)


def test_a_turn_goes_on_after_a_pause(run):
    async def test(bench: Bench) -> None:
        bench.script((0.4, "turn on"), (1.4, "the light"))
        adapter = bench.adapter()
        if adapter.ends_turns:
            return
        items = await all_of(adapter, pieces(pcm(0.6), Mark.PAUSED, 0.8, Mark.RESUMED, pcm(1.0)))
        eager = [item.text for item in heard(items) if item.standing is Standing.EAGER]
        assert eager == ["turn on"]
        assert text(items) == WHOLE
        await adapter.close()

    run(test)


def test_a_pause_that_was_none_is_not_answered_later(run):
    async def test(bench: Bench) -> None:
        bench.script((0.4, "turn on"), (1.4, "the light"))
        adapter = bench.adapter()
        if adapter.ends_turns:
            return
        bench.fault(Trouble.SLOW)
        items = await all_of(adapter, pieces(pcm(0.6), Mark.PAUSED, Mark.RESUMED, pcm(1.0), 0.5))
        assert Standing.EAGER not in [item.standing for item in heard(items)]
        assert text(items) == WHOLE
        await adapter.close()

    run(test)


def test_a_turn_of_nothing(run):
    async def test(bench: Bench) -> None:
        adapter = bench.adapter()
        assert await all_of(adapter, pieces()) == [Heard("", Standing.OVER)]
        assert bench.attempts == 0
        await adapter.close()

    run(test)


def test_a_turn_of_silence(run):
    async def test(bench: Bench) -> None:
        bench.script()
        adapter = bench.adapter()
        assert text(await all_of(adapter, pieces(bytes(32_000), Mark.PAUSED, 0.7, bytes(3200)))) == ""
        await adapter.close()

    run(test)


def test_a_turn_of_marks_only(run):
    async def test(bench: Bench) -> None:
        bench.script()
        adapter = bench.adapter()
        assert text(await all_of(adapter, pieces(Mark.PAUSED, Mark.RESUMED, Mark.PAUSED))) == ""
        await adapter.close()

    run(test)


def test_empty_pieces_are_nothing(run):
    async def test(bench: Bench) -> None:
        adapter = bench.adapter()

        async def audio():
            yield b""
            async for piece in pieces(pcm(1.0)):
                yield piece
                yield b""

        assert text(await all_of(adapter, audio())) == WHOLE
        await adapter.close()

    run(test)


def test_any_script(run):
    async def test(bench: Bench) -> None:
        bench.script((0.4, "Ärger \u4f60\u597d"), (0.8, "\U0001f600 e\u0301 \u05e9\u05dc\u05d5\u05dd"))
        adapter = bench.adapter()
        whole = "Ärger \u4f60\u597d \U0001f600 e\u0301 \u05e9\u05dc\u05d5\u05dd"
        assert text(await all_of(adapter, pieces(pcm(1.0)))) == whole
        await adapter.close()

    run(test)


def test_two_turns_in_a_row_and_after_closing(run):
    async def test(bench: Bench) -> None:
        adapter = bench.adapter()
        for seed in (1, 2):
            assert text(await all_of(adapter, pieces(pcm(1.0, seed)))) == WHOLE
        await adapter.close()
        await adapter.close()
        assert text(await all_of(adapter, pieces(pcm(1.0, 3)))) == WHOLE
        await adapter.close()
        assert len(bench.audio) == 3
        assert all(bench.same(got, pcm(1.0, seed)) for seed, got in enumerate(bench.audio, 1))

    run(test)


def test_several_turns_at_once(run):
    async def test(bench: Bench) -> None:
        adapter = bench.adapter()
        turns = [all_of(adapter, pieces(pcm(1.0, seed), pace=0.2)) for seed in range(4)]
        assert [text(items) for items in await asyncio.gather(*turns)] == [WHOLE] * 4
        await adapter.close()
        for seed in range(4):
            assert sum(bench.same(got, pcm(1.0, seed)) for got in bench.audio) == 1

    run(test)


# --- getting ready -------------------------------------------------------------------------------------


def test_what_was_prepared_is_used(run):
    async def test(bench: Bench) -> None:
        adapter = bench.adapter()
        adapter.prepare()
        adapter.prepare()
        await asyncio.sleep(0.2)
        assert text(await all_of(adapter, pieces(pcm(1.0)))) == WHOLE
        assert len(bench.logs) == 1
        await adapter.close()

    run(test)


def test_what_is_being_prepared_is_waited_for(run):
    async def test(bench: Bench) -> None:
        bench.fault(Trouble.SLOW_HANDSHAKE)
        adapter = bench.adapter()
        adapter.prepare()
        assert text(await all_of(adapter, pieces(pcm(1.0)))) == WHOLE
        assert len(bench.logs) == 1
        await adapter.close()

    run(test)


def test_what_was_prepared_in_vain_is_let_go(run, monkeypatch):
    async def test(bench: Bench) -> None:
        bench.hurry(monkeypatch)
        adapter = bench.adapter()
        adapter.prepare()
        await asyncio.sleep(0.3)
        await wait_until(lambda: all("closed" in log for log in bench.logs))
        assert text(await all_of(adapter, pieces(pcm(1.0)))) == WHOLE
        await adapter.close()

    run(test)


def test_closing_lets_go_of_what_was_prepared(run):
    async def test(bench: Bench) -> None:
        adapter = bench.adapter()
        adapter.prepare()
        await asyncio.sleep(0.2)
        await adapter.close()
        await wait_until(lambda: all("closed" in log for log in bench.logs), 1.0)

    run(test)


def test_failing_to_prepare_is_silent(run, caplog):
    async def test(bench: Bench) -> None:
        bench.fault(Trouble.BROKEN)
        adapter = bench.adapter()
        adapter.prepare()
        await asyncio.sleep(0.2)
        bench.mend()
        assert text(await all_of(adapter, pieces(pcm(1.0)))) == WHOLE
        await adapter.close()
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]

    run(test)
