"""Tools are described and run by name, and nothing that a model sends can raise."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.tools.registry import Registry, Schema, Tool

NOW = datetime(2026, 11, 24, 15, 10, tzinfo=UTC)
PROPERTIES: dict[str, Schema] = {
    "count": {"type": "integer", "minimum": 1, "maximum": 10},
    "name": {"type": "string", "maxLength": 5},
    "loud": {"type": "boolean"},
    "ratio": {"type": "number"},
    "kind": {"type": "string", "enum": ["a", "b"]},
}


def echo(arguments, now):
    return {"arguments": arguments, "now": now}


def broken(arguments, now):
    raise RuntimeError("secret")


TOOLS = Registry([Tool("echo", "Say it back.", echo, PROPERTIES, ("count",)), Tool("broken", "Fails.", broken)])


def test_specs_have_the_shape_of_function_tools():
    assert TOOLS.specs()[0] == {
        "type": "function",
        "name": "echo",
        "description": "Say it back.",
        "parameters": {
            "type": "object",
            "properties": PROPERTIES,
            "required": ["count"],
            "additionalProperties": False,
        },
    }
    assert TOOLS.specs()[1]["name"] == "broken"


def test_a_tool_gets_known_arguments_and_the_time():
    result = TOOLS.run("echo", {"count": 3, "name": "x", "extra": 1}, NOW)
    assert result == {"arguments": {"count": 3, "name": "x"}, "now": NOW}


def test_a_whole_number_may_come_as_a_float():
    assert TOOLS.run("echo", {"count": 3.0, "ratio": 2}, NOW)["arguments"] == {"count": 3, "ratio": 2}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "count is missing"),
        ({"count": "3"}, "count has to be of type integer"),
        ({"count": True}, "count has to be of type integer"),
        ({"count": 2.5}, "count has to be of type integer"),
        ({"count": float("nan")}, "count has to be of type integer"),
        ({"count": None}, "count has to be of type integer"),
        ({"count": 0}, "count has to be at least 1"),
        ({"count": 11}, "count has to be at most 10"),
        ({"count": 1, "name": 5}, "name has to be of type string"),
        ({"count": 1, "name": "toolong"}, "name has to be at most 5 characters long"),
        ({"count": 1, "loud": 1}, "loud has to be of type boolean"),
        ({"count": 1, "ratio": True}, "ratio has to be of type number"),
        ({"count": 1, "kind": "c"}, "kind has to be one of a, b"),
        ([1], "The arguments have to be an object"),
        (None, "The arguments have to be an object"),
    ],
)
def test_bad_arguments_are_told(arguments, error):
    assert TOOLS.run("echo", arguments, NOW) == {"error": error}


def test_unknown_and_broken_tools_are_told_and_the_cause_is_only_logged(caplog):
    assert TOOLS.run("nothing", {}, NOW) == {"error": "There is no tool called nothing"}
    assert TOOLS.run("broken", {}, NOW) == {"error": "The tool broken has failed"}
    assert caplog.records[0].getMessage() == "tool_failed"


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two tools are called echo"):
        Registry([Tool("echo", "", echo), Tool("echo", "", echo)])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["echo", "broken", "other"]), JSON | st.dictionaries(st.sampled_from(list(PROPERTIES)), JSON))
def test_no_arguments_raise(name, arguments):
    result = TOOLS.run(name, arguments, NOW)
    assert "error" in result or "count" in str(result["arguments"])
