"""What every voice promises (ports.Voice), shown for each protocol on a server that speaks it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

import pytest

from edge.core.chain import Fault, StageFailed
from edge.core.spoken import Spoken
from tests.agents.chained.tts.benches import CLAUSES, LONG, Bench, Dictated, Heard, hear, ours, run
from tests.waiting import wait_until

FOREIGN = ("Grüße aus Köln, heute 21,5 °C!", "世界、こんにちは。", "Ça va? \N{BALLOON} naïve café.")


def words(*clauses: str) -> str:
    return "".join("".join(clauses).split())


# --- what is spoken --------------------------------------------------------------------------------------


@pytest.mark.parametrize("clauses", [CLAUSES, FOREIGN, ("Yes.",), (LONG,)])
def test_all_of_the_text_is_spoken_once_and_in_order(bench: Bench, clauses: tuple[str, ...]) -> None:
    async def test(bench: Bench) -> None:
        heard = await hear(bench.make(), *clauses)
        assert heard.words == words(*clauses)
        assert heard.pcm == bench.expected(*clauses)

    run(bench, test)


def test_the_words_of_a_reply_can_be_followed(bench: Bench) -> None:
    """By what keeps the history, to which white space matters."""

    async def test(bench: Bench) -> None:
        made = bench.make()
        heard, spoken = await hear(made, *CLAUSES), Spoken()
        for sound in heard.sounds:
            spoken.add(len(sound.pcm) / 2 / made.rate, sound.text, sound.starts_ms)
        assert spoken.text == " ".join(CLAUSES)
        first_two = len(bench.expected(*CLAUSES[:2])) / 2 / made.rate * 1000
        assert spoken.heard(round(first_two)) == " ".join(CLAUSES[:2]) + " ..."

    run(bench, test)


def test_it_sounds_before_the_last_clause_is_given(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        given, heard = Dictated(), Heard()
        given.give(CLAUSES[0])
        async with aclosing(bench.make().speak(given.__aiter__())) as items:
            async for item in items:
                heard.add(item)
                if len(heard.sounds) == 1:
                    for clause in (*CLAUSES[1:], None):
                        given.give(clause)
        assert heard.words == words(*CLAUSES)
        assert heard.pcm == bench.expected(*CLAUSES)

    run(bench, test)


def test_times_are_those_of_the_characters(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        heard = await hear(bench.make(), *CLAUSES)
        assert bench.timed == any(sound.starts_ms for sound in heard.sounds)
        for sound in heard.sounds:
            assert len(sound.starts_ms) in {0, len(sound.text)}
            assert list(sound.starts_ms) == sorted(sound.starts_ms)
            assert all(0 <= at < len(sound.pcm) / 48 for at in sound.starts_ms)

    run(bench, test)


def test_samples_are_whole(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        heard = await hear(bench.make(), *CLAUSES)
        assert len(heard.sounds) > 3
        assert not [sound for sound in heard.sounds if len(sound.pcm) % 2]

    run(bench, test)


@pytest.mark.parametrize("clauses", [(), ("",), (" ", "\n")])
def test_nothing_is_asked_where_there_is_nothing_to_say(bench: Bench, clauses: tuple[str, ...]) -> None:
    async def test(bench: Bench) -> None:
        heard = await hear(bench.make(), *clauses)
        assert not heard.sounds
        assert not heard.used
        assert bench.connections() == 0

    run(bench, test)


def test_what_it_has_cost_is_told(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        amounts = (await hear(bench.make(), *CLAUSES)).amounts
        length = sum(len(clause + bench.after) for clause in CLAUSES)
        assert amounts.get("characters", length) == length
        assert "characters" in amounts or amounts["audio_out"] > 0

    run(bench, test)


def test_the_text_may_keep_it_waiting_for_long(bench: Bench) -> None:
    """Longer than the service waits for a client that says nothing."""

    async def test(bench: Bench) -> None:
        bench.idle_limit(0.4)
        given, heard = Dictated(), Heard()
        given.give(CLAUSES[0])

        async def later() -> None:
            await wait_until(lambda: heard.pcm == bench.expected(CLAUSES[0]))
            await asyncio.sleep(1.0)
            given.give(CLAUSES[1])
            given.give(None)

        task = asyncio.ensure_future(later())
        async with aclosing(bench.make().speak(given.__aiter__())) as items:
            async for item in items:
                heard.add(item)
        await task
        assert heard.words == words(*CLAUSES[:2])
        assert heard.pcm == bench.expected(*CLAUSES[:2])

    run(bench, test)


def test_several_are_spoken_at_once(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        bench.slow(0.005)
        made = bench.make()
        replies = [tuple(f"{clause} {n}" for clause in CLAUSES) for n in range(7)]
        heard = await asyncio.gather(*(hear(made, *reply) for reply in replies))
        assert [each.words for each in heard] == [words(*reply) for reply in replies]
        assert [each.pcm for each in heard] == [bench.expected(*reply) for reply in replies]

    run(bench, test)


def test_one_after_another(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        made = bench.make()
        for n in range(8):
            assert (await hear(made, f"Number {n}.")).words == f"Number{n}."

    run(bench, test)


# --- stopping --------------------------------------------------------------------------------------------


async def stopped(bench: Bench, made, how: str, given: Dictated) -> Heard:
    """A reply that is stopped at its second sound, with text still to come."""
    heard = Heard()

    async def speak() -> None:
        async with aclosing(made.speak(given.__aiter__())) as items:
            async for item in items:
                heard.add(item)
                if how == "close" and len(heard.sounds) == 2:
                    return

    task = asyncio.ensure_future(speak())
    if how == "cancel":
        await wait_until(lambda: len(heard.sounds) >= 2)
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return heard


@pytest.mark.parametrize("how", ["close", "cancel"])
def test_stopping_tells_the_service_and_the_next_reply_has_nothing_of_it(bench: Bench, how: str) -> None:
    async def test(bench: Bench) -> None:
        bench.slow()
        made, given = bench.make(), Dictated()
        given.give(LONG)
        heard = await stopped(bench, made, how, given)
        assert len(heard.pcm) < len(bench.expected(LONG)) / 2
        await wait_until(bench.told, 2)
        after = await hear(made, *CLAUSES)
        assert after.words == words(*CLAUSES)
        assert after.pcm == bench.expected(*CLAUSES)

    run(bench, test)


def test_stopping_again_and_again(bench: Bench) -> None:
    """More often than a service has places for replies that are stopped, but not over."""

    async def test(bench: Bench) -> None:
        bench.slow(0.01)
        made = bench.make()
        for _ in range(8):
            given = Dictated()
            given.give(LONG)
            await stopped(bench, made, "close", given)
        assert (await hear(made, *CLAUSES)).pcm == bench.expected(*CLAUSES)

    run(bench, test)


def test_a_reply_whose_text_is_all_given_can_be_stopped(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        bench.slow()
        made, given = bench.make(), Dictated()
        for clause in (LONG, LONG, None):
            given.give(clause)
        await stopped(bench, made, "close", given)
        assert (await hear(made, "Next.")).pcm == bench.expected("Next.")

    run(bench, test)


def test_an_error_of_the_text_goes_through_and_the_service_is_told(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        made, given, heard = bench.make(), Dictated(), Heard()
        given.give(CLAUSES[0])

        async def speak() -> None:
            async with aclosing(made.speak(given.__aiter__())) as items:
                async for item in items:
                    heard.add(item)
                    if len(heard.sounds) == 1:
                        given.give(ZeroDivisionError())

        with pytest.raises(ZeroDivisionError):
            await speak()
        assert (await hear(made, *CLAUSES)).pcm == bench.expected(*CLAUSES)

    run(bench, test)


def test_closing_while_it_connects(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        bench.hang()
        made = bench.make()
        task = asyncio.ensure_future(hear(made, *CLAUSES))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await made.close()
        await wait_until(lambda: not ours(), 2)

    run(bench, test)


def test_closed_twice_and_used_again(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        made = bench.make()
        await made.close()
        await hear(made, *CLAUSES)
        await made.close()
        await made.close()
        assert (await hear(made, *CLAUSES)).words == words(*CLAUSES)

    run(bench, test)


# --- ahead of time ---------------------------------------------------------------------------------------


def test_what_is_prepared_is_used(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        made = bench.make()
        made.prepare()
        await wait_until(lambda: bench.connections() >= 1)
        made.prepare()
        assert (await hear(made, *CLAUSES)).words == words(*CLAUSES)

    run(bench, test)


def test_preparing_fails_in_silence(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        bench.refuse(500)
        made = bench.make()
        made.prepare()
        await wait_until(lambda: bench.connections() >= 1)
        await asyncio.sleep(0.1)
        with pytest.raises(StageFailed) as failed:
            await hear(made, *CLAUSES)
        assert failed.value.fault is Fault.SERVICE

    run(bench, test)


def test_nothing_is_kept_at_rest(bench: Bench) -> None:
    async def test(bench: Bench) -> None:
        made = bench.make()
        made.prepare()
        await wait_until(lambda: bench.connections() >= 1)
        await wait_until(lambda: not ours(), 5)

    run(bench, test)
