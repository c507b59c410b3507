"""Several services as one stage: what the next one is given when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pytest

from edge.agents.chained.ranked import RankedMind, RankedTranscriber, RankedVoice
from edge.core.chain import Call, Fault, Heard, Mark, Message, Request, Role, Sound, StageFailed, Standing, Used
from tests.agents.chained.scripted import Stage

STALL_S = 0.05
ASKED = Request((Message(Role.USER, "Hello?"),))
TROUBLES = [Fault.KEY, Fault.SERVICE, Fault.NETWORK, Fault.STALLED]
TURN = [b"ab" * 100, b"cd" * 100, Mark.PAUSED, Mark.RESUMED, b"ef" * 100]


class Room:
    def __init__(self) -> None:
        self.warned: list[str] = []
        self.now = 100.0

    def clock(self) -> float:
        return self.now


async def given(items: Sequence[object]) -> AsyncIterator:
    for item in items:
        await asyncio.sleep(0)
        yield item


async def heard(stages: list[Stage], items: Sequence[object] = TURN, room: Room | None = None) -> list[Heard | Used]:
    room = room or Room()
    ears = RankedTranscriber(stages, STALL_S, room.warned.append, room.clock)
    async with aclosing(ears.hear(given(items))) as found:
        return [item async for item in found]


# --- hearing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", TROUBLES)
def test_the_next_transcriber_hears_the_turn_from_its_beginning(fault: Fault) -> None:
    first, second = Stage("first", fault), Stage("second")
    found = asyncio.run(heard([first, second]))
    assert found[-1] == Heard("600 by second", Standing.OVER)
    assert second.got == TURN
    assert (first.stopped, second.stopped) == (1, 1)


def test_one_that_stalls_in_a_pause_is_left_before_the_end() -> None:
    async def endless() -> AsyncIterator[bytes | Mark]:
        yield b"ab"
        yield Mark.PAUSED
        await asyncio.sleep(3600)

    async def main() -> list[Heard | Used]:
        room = Room()
        ears = RankedTranscriber(
            [Stage("first", Fault.STALLED), Stage("second")], STALL_S, room.warned.append, room.clock
        )
        found = []
        async with aclosing(ears.hear(endless())) as items:
            async for item in items:
                found.append(item)
                if isinstance(item, Heard) and item.standing is Standing.EAGER:
                    return found
        raise AssertionError

    assert asyncio.run(main())[-1] == Heard("2 by second", Standing.EAGER)


def test_a_service_that_ends_turns_owes_nothing_in_a_pause() -> None:
    async def main() -> Heard | Used:
        room = Room()
        stage = Stage("flux", Fault.STALLED, ends_turns=True)
        ears = RankedTranscriber([stage, Stage("second")], STALL_S, room.warned.append, room.clock)
        assert ears.ends_turns

        async def slow() -> AsyncIterator[bytes | Mark]:
            yield b"ab"
            yield Mark.PAUSED
            await asyncio.sleep(STALL_S * 3)
            assert not room.warned
            yield Mark.RESUMED

        async with aclosing(ears.hear(slow())) as items:
            return [item async for item in items][-1]

    assert asyncio.run(main()) == Heard("2 by second", Standing.OVER)


def test_when_all_fail_the_last_failure_is_told() -> None:
    room = Room()
    with pytest.raises(StageFailed, match="b says quota"):
        asyncio.run(heard([Stage("a", Fault.BUSY), Stage("b", Fault.QUOTA)], room=room))
    assert room.warned == ["a says busy.", "b says quota."]


async def first_of(mind: RankedMind) -> object:
    return [piece async for piece in mind.think(ASKED)][0]  # noqa: RUF015  to its end


# --- who is asked ------------------------------------------------------------------------------------


def test_one_that_has_failed_is_passed_over_for_a_while_and_then_tried_again() -> None:
    async def main() -> None:
        room, first, second = Room(), Stage("first", Fault.SERVICE), Stage("second")
        mind = RankedMind([first, second], STALL_S, room.warned.append, room.clock)
        for _ in range(2):
            assert await first_of(mind) == "All is well."
        assert (len(first.got), len(second.got)) == (1, 2)
        assert mind.name == "second"
        assert mind.stats() == {"now": "second", "problems": {"first": "first says service."}}
        first.fault = None
        room.now += 3600
        mind.prepare()
        assert (first.prepared, second.prepared) == (1, 0)
        assert await first_of(mind) == "All is well."
        assert len(first.got) == 2
        assert mind.stats() == {"now": "first"}
        assert room.warned == ["first says service.", "first works again."]

    asyncio.run(main())


def test_when_all_have_failed_of_late_all_are_asked_all_the_same() -> None:
    async def main() -> None:
        room, first, second = Room(), Stage("first", Fault.KEY), Stage("second", Fault.SERVICE)
        mind = RankedMind([first, second], STALL_S, room.warned.append, room.clock)
        with pytest.raises(StageFailed):
            assert [piece async for piece in mind.think(ASKED)]
        second.fault = None
        assert await first_of(mind) == "All is well."
        assert len(first.got) == 1  # the one that may work again soonest is first
        await mind.close()
        assert (first.closed, second.closed) == (1, 1)

    asyncio.run(main())


# --- thinking ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", TROUBLES)
def test_the_next_mind_is_given_the_same_request(fault: Fault) -> None:
    async def main() -> list[object]:
        room, second = Room(), Stage("second")
        mind = RankedMind([Stage("first", fault), second], STALL_S, room.warned.append, room.clock)
        found: list[object] = [piece async for piece in mind.think(ASKED)]
        assert second.got == [ASKED]
        return found

    assert asyncio.run(main()) == ["All is well.", Used("second", {"text_in": 10.0, "text_out": 2.0})]


def test_a_reply_that_has_begun_is_not_begun_again() -> None:
    async def main() -> None:
        room, second = Room(), Stage("second")
        first = Stage("first", Fault.SERVICE, after=1, reply=("One", "two"))
        mind = RankedMind([first, second], STALL_S, room.warned.append, room.clock)
        pieces = mind.think(ASKED)
        assert await anext(pieces) == "One"
        with pytest.raises(StageFailed, match="first"):
            await anext(pieces)
        assert second.got == []

    asyncio.run(main())


def test_a_mind_that_says_nothing_has_failed_and_one_that_calls_a_tool_has_not() -> None:
    async def main() -> None:
        room, call = Room(), Call("1", "get_time")
        mind = RankedMind(
            [Stage("mute", reply=()), Stage("tool", reply=(call,))], STALL_S, room.warned.append, room.clock
        )
        assert call in [piece async for piece in mind.think(ASKED)]
        assert room.warned == ["mute has said nothing."]

    asyncio.run(main())


# --- speaking ----------------------------------------------------------------------------------------

CLAUSES = ["One two.", "Three four.", "Five."]


async def spoken(stages: list[Stage]) -> list[Sound | Used]:
    room = Room()
    voice = RankedVoice(stages, STALL_S, room.warned.append, room.clock)
    async with aclosing(voice.speak(given(CLAUSES))) as found:
        items = [item async for item in found]
    assert voice.rate == stages[-1].rate
    return items


@pytest.mark.parametrize("fault", TROUBLES)
def test_the_next_voice_speaks_all_when_the_first_has_said_nothing(fault: Fault) -> None:
    second = Stage("second", rate=24_000)
    found = asyncio.run(spoken([Stage("first", fault), second]))
    assert second.got == CLAUSES
    assert [item.text for item in found if isinstance(item, Sound) and item.text] == CLAUSES


@pytest.mark.parametrize(
    ("timed", "after", "again"),
    [
        (False, 1, CLAUSES),  # in the middle of the first clause
        (False, 2, CLAUSES),  # the first may have been whole: better twice than half
        (False, 3, CLAUSES[1:]),
        (True, 1, CLAUSES[1:]),  # its times say that all of it has been sent
        (True, 5, []),
    ],
)
def test_the_next_voice_begins_with_the_clause_that_was_not_finished(timed: bool, after: int, again: list[str]) -> None:
    second = Stage("second")
    asyncio.run(spoken([Stage("first", Fault.SERVICE, after=after, timed=timed), second]))
    assert second.got == again


def test_a_voice_may_wait_for_its_text() -> None:
    """A model that thinks is no fault of the voice."""

    async def slow() -> AsyncIterator[str]:
        yield "One."
        await asyncio.sleep(STALL_S * 3)
        yield "Two."

    async def main() -> None:
        room = Room()
        voice = RankedVoice([Stage("first"), Stage("second")], STALL_S, room.warned.append, room.clock)
        found = [item async for item in voice.speak(slow())]
        assert len(found) == 5
        assert room.warned == []

    asyncio.run(main())


def test_one_that_is_left_in_the_middle_is_stopped() -> None:
    async def main() -> None:
        room, stage = Room(), Stage("only")
        voice = RankedVoice([stage], STALL_S, room.warned.append, room.clock)
        async with aclosing(voice.speak(given(CLAUSES))) as items:
            async for _ in items:
                break
        assert stage.stopped == 1
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
