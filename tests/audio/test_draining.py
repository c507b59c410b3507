"""How much a sound card still holds, between what it tells."""

from __future__ import annotations

from edge.audio.draining import LOOKS, STALE, Draining

RATE, PERIOD = 48_000, 240


def _playing(late: float = 0.0, until: float = 0.2) -> Draining:
    """9600 samples, of which the card tells every 3 ms in whole periods; `late` s after they were played."""
    card = Draining(RATE, PERIOD)
    card.told(0, 0.0)
    card.wrote(9600)
    for n in range(1, round(until / 0.003)):
        at = 0.003 * n
        card.told(9600 - max(0, int((at - late) * RATE)) // PERIOD * PERIOD, at)
    return card


def test_between_two_looks_the_clock_goes_on() -> None:
    card = _playing(until=0.1)
    assert abs(card.left(0.1042) - (9600 - 0.1042 * RATE)) < 0.0011 * RATE


def test_what_is_thrown_away_is_whole_periods() -> None:
    card = _playing(until=0.1)
    assert [card.whole(at) for at in (0.1001, 0.1041, 0.1061)] == [4800, 4800, 4560]


def test_a_card_that_tells_nothing_more_is_not_believed_to_play_for_ever() -> None:
    card = _playing(until=0.1)
    told = card.whole(0.1)
    assert card.whole(9.0) >= told - (STALE + 1) * PERIOD
    assert card.left(9.0) == 0  # it may have run dry, and is not asked then


def test_no_more_is_played_than_was_written() -> None:
    card = _playing(until=0.198)
    assert card.left(0.3) == 0
    assert card.whole(0.3) == 0


def test_a_card_that_has_run_dry_begins_a_new_line() -> None:
    card = _playing(until=0.1)
    card.told(0, 5.0)
    card.wrote(480)
    assert card.left(5.1) == 480


def test_emptied_it_stands_still() -> None:
    card = _playing(until=0.1)
    card.begin()
    card.wrote(960)
    assert card.left(7.0) == card.whole(7.0) == 960


def test_a_card_that_falls_behind_is_believed_after_a_while() -> None:
    card = Draining(RATE, PERIOD)
    card.wrote(RATE)
    card.told(RATE - 480, 0.01)
    for n in range(LOOKS):
        card.told(RATE - 480 - 240 * n, 0.1 + 0.005 * n)
    assert card.left(0.1 + 0.005 * (LOOKS - 1)) == RATE - 480 - 240 * (LOOKS - 1)
