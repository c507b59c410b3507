"""Tools: side by side, wrong, late, cut off, and those that the server calls itself."""

from __future__ import annotations

import json

import pytest

from edge.agents.realtime import events as ev
from edge.agents.realtime.failures import ApiError
from edge.core import events as core
from tests.agents.realtime.exchanges import BUSY, Talk, call, ends, kinds, only, outputs, remote, said

ADD, ASK = "conversation.item.create", "response.create"


@pytest.fixture
def talk() -> Talk:
    """Asked, and the answer has begun."""
    talk = Talk()
    talk.text(1)
    talk.begin("r1")
    return talk


def test_tools_run_side_by_side_and_the_model_goes_on_once(talk: Talk) -> None:
    out = talk.done("r1", call("c1", {"room": "hall"}), call("c2"))
    assert out == [core.ToolCalled(1, "c1", "lamp", {"room": "hall"}), core.ToolCalled(1, "c2", "lamp", {})]
    assert talk.result(1, "c2", on=True) == []
    out = talk.result(1, "c1", on=False)
    assert kinds(out) == [ADD, ADD, ASK]
    assert outputs(out) == {"c1": '{"on": false}', "c2": '{"on": true}'}
    assert talk.result(1, "c1", on=True) == []
    assert ends(talk.reply("r2")) == [(1, "done")]


def test_an_empty_result_is_a_result(talk: Talk) -> None:
    talk.done("r1", call("c1"))
    assert outputs(talk.result(1, "c1")) == {"c1": "{}"}


def test_invalid_arguments_are_told_to_the_model_and_to_no_tool(talk: Talk) -> None:
    out = talk.done("r1", call("c1", valid=False))
    assert kinds(out) == [ADD, ASK]
    assert "no JSON object" in str(outputs(out)["c1"])


def test_a_wrong_call_beside_a_right_one_waits_for_it(talk: Talk) -> None:
    assert only(talk.done("r1", call("c1", valid=False), call("c2")), core.ToolCalled) != []
    assert set(outputs(talk.result(1, "c2", on=True))) == {"c1", "c2"}


def test_results_of_other_turns_and_calls_are_ignored(talk: Talk) -> None:
    talk.done("r1", call("c1"))
    assert talk.result(2, "c1") == talk.result(1, "c9") == []
    talk.interrupt(1)
    assert talk.result(1, "c1", on=True) == []


def test_a_call_that_an_interruption_leaves_open_gets_an_output(talk: Talk) -> None:
    talk.done("r1", call("c1"), call("c2"))
    talk.result(1, "c1", on=True)
    out = talk.interrupt(1)
    assert json.loads(str(outputs(out)["c1"])) == {"on": True}
    assert "interrupted" in str(outputs(out)["c2"])
    assert ASK not in kinds(out)


def test_a_call_that_comes_after_the_interruption_gets_an_output_before_the_next_request(talk: Talk) -> None:
    talk.interrupt(1)
    talk.text(2)
    out = talk.done("r1", call("c1"), call("c2", status="incomplete"), status="cancelled")
    assert kinds(out) == [ADD, ADD, ASK]
    assert set(outputs(out)) == {"c1", "c2"}
    assert only(out, core.ToolCalled) == []


def test_a_call_that_was_cut_short_gets_an_output_and_the_end_is_told(talk: Talk) -> None:
    out = talk.done("r1", call("c1", status="incomplete"), status="incomplete", reason="max_output_tokens")
    assert set(outputs(out)) == {"c1"}
    assert ends(out) == [(1, "failed")]


def test_a_cut_call_beside_a_whole_one_is_answered_first(talk: Talk) -> None:
    out = talk.done("r1", call("c1", valid=False), call("c2", status="incomplete"), status="incomplete")
    assert kinds(out) == [ADD, ADD, ASK]
    assert set(outputs(out)) == {"c1", "c2"}


def test_silence_after_a_tool_is_told(talk: Talk) -> None:
    talk.done("r1", call("c1"))
    talk.result(1, "c1", on=True)
    talk.begin("r2")
    assert ends(talk.done("r2")) == [(1, "failed")]


def test_a_failure_after_a_tool_is_told(talk: Talk) -> None:
    talk.done("r1", call("c1"))
    talk.result(1, "c1", on=True)
    assert ends(talk.error("rate_limit_exceeded", "ask_2")) == [(1, "failed")]


# --- remote tools -----------------------------------------------------------------------------------------


def test_a_list_that_did_not_come_is_a_warning() -> None:
    [warned] = only(Talk().hear(ev.McpToolsListed("m", ok=False)), core.AgentWarned)
    assert "MCP" in warned.message


def test_a_remote_tool_that_ended_before_the_reply_leads_to_one_request(talk: Talk) -> None:
    assert talk.remote_ended("m1") == []
    assert kinds(talk.done("r1", said(), remote("m1"))) == [ASK]
    assert talk.remote_ended("m1") == []
    assert ends(talk.reply("r2")) == [(1, "done")]


def test_a_remote_tool_that_ends_after_the_reply_leads_to_one_request(talk: Talk) -> None:
    assert talk.done("r1", remote("m1"), remote("m2")) == []
    assert talk.remote_ended("m2") == []
    assert kinds(talk.remote_ended("m1")) == [ASK]
    assert talk.remote_ended("m1") == []
    assert ends(talk.reply("r2")) == [(1, "done")]


def test_a_remote_tool_that_is_not_the_last_word_needs_no_request(talk: Talk) -> None:
    talk.words("r1", "Done.")
    assert ends(talk.done("r1", remote("m1"), said())) == [(1, "done")]
    assert talk.remote_ended("m1") == []


def test_a_server_that_goes_on_by_itself_is_not_asked_again(talk: Talk) -> None:
    talk.done("r1", remote("m1"))
    assert talk.begin("r2") == []
    assert talk.remote_ended("m1") == []
    talk.words("r2", "Done.")
    assert talk.done("r2", said()) == [core.ReplyEnded(1, "done")]


def test_a_request_that_crosses_with_the_servers_own_is_refused_and_nothing_doubles(talk: Talk) -> None:
    talk.done("r1", remote("m1"))
    talk.remote_ended("m1")
    talk.begin("r2")
    assert talk.error(BUSY, "ask_2") == []
    talk.words("r2", "Done.")
    assert talk.done("r2", said()) == [core.ReplyEnded(1, "done")]


def test_a_refusal_that_comes_before_the_servers_own_doubles_nothing_either(talk: Talk) -> None:
    talk.done("r1", remote("m1"))
    talk.remote_ended("m1")
    assert talk.error(BUSY, "ask_2") == []
    assert talk.begin("r2") == []
    talk.words("r2", "Done.")
    assert talk.done("r2", said()) == [core.ReplyEnded(1, "done")]
    assert talk.dialogue.idle


def test_a_remote_tool_of_an_interrupted_turn_leads_to_nothing(talk: Talk) -> None:
    talk.done("r1", remote("m1"))
    talk.interrupt(1)
    assert talk.remote_ended("m1") == []
    talk.text(2)
    talk.reply("r2")
    assert talk.remote_ended("m1") == []


def test_a_remote_tool_is_lost_with_its_session(talk: Talk) -> None:
    talk.done("r1", remote("m1"))
    assert kinds(talk.again()) == [ADD, ASK]
    assert talk.remote_ended("m1") == []


def test_a_failed_reply_after_a_remote_tool_is_told(talk: Talk) -> None:
    assert ends(talk.done("r1", remote("m1"), status="failed", error=ApiError("server_error"))) == [(1, "failed")]
