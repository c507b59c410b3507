"""The tools by name: their descriptions for a model, and one way to run them that never raises."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

Arguments = dict[str, object]
Result = dict[str, object]
Schema = Mapping[str, object]

_log = logging.getLogger(__name__)
_TYPES: dict[object, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


@dataclass(frozen=True)
class Tool:
    """One thing to do: `call(arguments, now)` gets arguments that fit `properties`, and the wall clock."""

    name: str
    description: str
    call: Callable[[Arguments, datetime], Result]
    properties: Mapping[str, Schema] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, object]:
        """Give the JSON schema of the arguments."""
        return {
            "type": "object",
            "properties": {name: dict(schema) for name, schema in self.properties.items()},
            "required": list(self.required),
            "additionalProperties": False,
        }


class Registry:
    """A set of tools with distinct names."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            if tool.name in self._tools:
                raise ValueError(f"two tools are called {tool.name}")
            self._tools[tool.name] = tool

    def specs(self) -> list[dict[str, object]]:
        """Describe all tools in the shape that OpenAI's function calling takes."""
        return [
            {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters}
            for tool in self._tools.values()
        ]

    def run(self, name: str, arguments: object, now: datetime) -> Result:
        """Run one tool; whatever is wrong comes back as {"error": sentence}, as the model has to hear of it."""
        tool = self._tools.get(name)
        if tool is None:
            return {"error": f"There is no tool called {name}"}
        if not isinstance(arguments, dict):
            return {"error": "The arguments have to be an object"}
        kept = {key: _plain(arguments[key], tool.properties[key]) for key in tool.properties if key in arguments}
        problem = _problem(tool, kept)
        return {"error": problem} if problem else _call(tool, kept, now)


def _call(tool: Tool, arguments: Arguments, now: datetime) -> Result:
    try:
        return tool.call(arguments, now)
    except Exception:  # noqa: BLE001  (the boundary to code that is not ours: a broken tool must not end the conversation)
        _log.exception("tool_failed", extra={"tool": tool.name})
        return {"error": f"The tool {tool.name} has failed"}


def _plain(value: object, schema: Schema) -> object:
    """Take 10.0 for 10, as JSON does not tell them apart."""
    whole = schema.get("type") == "integer" and isinstance(value, float) and value.is_integer()
    return int(value) if whole and isinstance(value, float) else value


def _problem(tool: Tool, arguments: Arguments) -> str | None:
    """Say what is wrong with the arguments, the first thing only."""
    for name in tool.required:
        if name not in arguments:
            return f"{name} is missing"
    problems = (_misfit(name, value, tool.properties[name]) for name, value in arguments.items())
    return next((problem for problem in problems if problem), None)


def _misfit(name: str, value: object, schema: Schema) -> str | None:
    kind = schema.get("type")
    expected = _TYPES.get(kind, (object,))
    # bool is an int to Python, not to JSON
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected and kind in _TYPES):
        return f"{name} has to be of type {kind}"
    choices = schema.get("enum")
    if isinstance(choices, list | tuple) and value not in choices:
        return f"{name} has to be one of {', '.join(map(str, choices))}"
    return _out_of_bounds(name, value, schema)


def _out_of_bounds(name: str, value: object, schema: Schema) -> str | None:
    low, high, longest = schema.get("minimum"), schema.get("maximum"), schema.get("maxLength")
    if isinstance(value, int | float) and isinstance(low, int | float) and not value >= low:
        return f"{name} has to be at least {low}"
    if isinstance(value, int | float) and isinstance(high, int | float) and not value <= high:
        return f"{name} has to be at most {high}"
    if isinstance(value, str) and isinstance(longest, int) and len(value) > longest:
        return f"{name} has to be at most {longest} characters long"
    return None
