"""One response at a time: what is sent, what waits, and whom a response is for."""

from __future__ import annotations

from edge.agents.realtime.commands import CreateResponse
from edge.agents.realtime.requests import Requests, wire_id

PLAIN = CreateResponse()


def ids(commands: list[CreateResponse]) -> list[str]:
    return [command.event_id for command in commands]


def test_the_first_goes_out_and_the_next_waits_until_it_is_done() -> None:
    requests = Requests()
    assert requests.quiet
    assert ids(requests.ask(1, PLAIN)) == ["ask_1"]
    assert requests.ask(1, PLAIN) == []
    asked = requests.created("r1")
    assert asked is not None
    assert (asked.turn, asked.wanted, requests.active) == (1, True, "r1")
    assert not requests.quiet
    turn, more = requests.done("r1")
    assert (turn, ids(more)) == (1, ["ask_2"])
    requests.created("r2")
    assert requests.done("r2") == (1, [])
    assert requests.quiet


def test_only_the_newest_waits() -> None:
    requests = Requests()
    requests.ask(1, PLAIN)
    requests.ask(2, CreateResponse(instructions="old"))
    requests.ask(3, CreateResponse(instructions="new"))
    requests.created("r1")
    turn, more = requests.done("r1")
    assert (turn, [command.instructions for command in more]) == (1, ["new"])


def test_what_is_given_up_before_it_began_is_not_wanted_when_it_does() -> None:
    requests = Requests()
    requests.ask(1, PLAIN)
    requests.give_up()
    requests.ask(2, PLAIN)
    old = requests.created("r1")
    assert old is not None
    assert (old.turn, old.wanted) == (1, False)
    assert ids(requests.done("r1")[1]) == ["ask_2"]
    new = requests.created("r2")
    assert new is not None
    assert (new.turn, new.wanted) == (2, True)


def test_what_waits_is_given_up() -> None:
    requests = Requests()
    requests.ask(1, PLAIN)
    requests.ask(2, PLAIN)
    requests.created("r1")
    requests.give_up()
    assert requests.done("r1") == (1, [])


def test_a_response_that_nobody_asked_for_is_for_nobody() -> None:
    requests = Requests()
    assert requests.created("r1") is None
    assert requests.ask(1, PLAIN) == []
    turn, more = requests.done("r1")
    assert (turn, ids(more)) == (0, ["ask_1"])


def test_what_the_server_begins_by_itself_comes_before_what_is_asked() -> None:
    requests = Requests()
    requests.ask(2, PLAIN)
    requests.expect(1, wanted=False)
    first, second = requests.created("r1"), requests.created("r2")
    assert first is not None
    assert second is not None
    assert [(asked.turn, asked.wanted) for asked in (first, second)] == [(1, False), (2, True)]


def test_the_end_of_another_response_releases_nothing() -> None:
    requests = Requests()
    requests.ask(1, PLAIN)
    requests.ask(1, PLAIN)
    assert requests.done("aside") == (0, [])
    requests.created("r1")
    assert requests.done("aside") == (0, [])
    assert requests.active == "r1"


def test_a_refusal_names_its_request() -> None:
    requests = Requests()
    requests.ask(1, PLAIN)
    assert requests.refused("tidy") == (None, [])
    asked, more = requests.refused("ask_1")
    assert asked is not None
    assert (asked.turn, more) == (1, [])
    assert requests.refused("ask_1") == (None, [])
    assert requests.quiet


def test_a_refusal_without_a_name_is_about_the_first_and_lets_the_next_go() -> None:
    requests = Requests()
    requests.ask(1, PLAIN)
    requests.give_up()
    requests.ask(2, PLAIN)
    asked, more = requests.refused("")
    assert asked is not None
    assert (asked.turn, asked.wanted, ids(more)) == (1, False, ["ask_2"])
    assert requests.refused("ask_1") == (None, [])


def test_busy_is_asked_again_when_the_other_is_done() -> None:
    requests = Requests()
    requests.ask(1, PLAIN)
    requests.busy("ask_1")
    assert not requests.quiet
    assert ids(requests.done("other")[1]) == ["ask_2"]
    requests.busy("ask_1")
    assert requests.done("other") == (0, [])


def test_busy_never_puts_an_old_request_before_a_new_one() -> None:
    requests = Requests()
    requests.ask(1, PLAIN)
    requests.give_up()
    requests.busy("ask_1")
    assert requests.quiet
    requests.ask(2, CreateResponse(instructions="two"))
    requests.ask(3, CreateResponse(instructions="three"))
    requests.busy("ask_2")
    assert [command.instructions for command in requests.done("other")[1]] == ["three"]


def test_a_lost_session_asks_for_nothing_more() -> None:
    requests = Requests()
    requests.ask(1, PLAIN)
    requests.created("r1")
    requests.ask(1, PLAIN)
    requests.reset()
    assert requests.quiet
    assert requests.done("r1") == (0, [])
    assert ids(requests.ask(2, PLAIN)) == ["ask_2"]


# --- servers that leave things out ------------------------------------------------------------------------


def test_a_response_begins_with_its_first_event_only_when_one_is_due_and_never_twice() -> None:
    requests = Requests()
    assert not requests.unannounced("r1")
    requests.ask(1, PLAIN)
    assert requests.unannounced("r1")
    requests.created("r1")
    assert not requests.unannounced("r1")
    assert not requests.unannounced("r2")
    requests.done("r1")
    requests.ask(2, PLAIN)
    assert not requests.unannounced("r1")
    assert not requests.unannounced("")
    assert requests.unannounced("", over=True)


def test_a_session_does_not_forget_which_responses_are_old() -> None:
    requests = Requests()
    requests.ask(1, PLAIN)
    requests.created("r1")
    requests.reset()
    requests.ask(1, PLAIN)
    assert not requests.unannounced("r1")


def test_a_response_without_an_id_has_a_name_of_ours_and_perhaps_one_of_its_deltas() -> None:
    requests = Requests()
    requests.created("")
    first = requests.active
    assert wire_id(first) == ""
    assert wire_id("r1") == "r1"
    assert requests.named("") == first
    assert not requests.unannounced("late_id")
    assert requests.named("late_id") == first
    assert requests.being_made("late_id")
    assert requests.named("other") == "other"
    requests.done("late_id")
    assert not requests.being_made("")
    requests.created("")
    assert requests.active not in {"", first}
    assert requests.named("late_id") == "late_id"


def test_a_request_is_blocked_while_it_waits_for_another_response() -> None:
    requests = Requests()
    requests.ask(1, PLAIN)
    assert not requests.blocked
    requests.give_up()
    requests.ask(2, PLAIN)
    assert requests.blocked  # the first was cancelled before it began
    requests.created("r1")
    assert requests.blocked
    requests.done("r1")
    assert not requests.blocked


def test_our_event_ids_end_with_the_turns_trace_id() -> None:
    """By which a relay, and the vendor's own log of a refusal, find the turn."""
    requests = Requests(lambda turn: "0af7651916cd43dd8448eb211c80319c" if turn == 7 else "")
    [first] = requests.ask(7, CreateResponse())
    assert first.event_id == "ask_1_0af7651916cd43dd8448eb211c80319c"
    assert requests.refused(first.event_id)[0] is not None
    [second] = requests.ask(8, CreateResponse())
    assert second.event_id == "ask_2"
