"""The owner's own tools: functions of Python packages (entry points), and programs that the configuration names.

A package offers functions in the entry point group `edge_voice.tools`; the arguments' annotations and the docstring
say the rest. A program is started without a shell, with its arguments in the places that the configuration gives them.
What is wrong with one of them costs that one.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import string
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, get_args, get_origin, get_type_hints

from edge.config import Shell
from edge.tools.registry import LIMIT_S, Arguments, Registry, Result, Tool

GROUP = "edge_voice.tools"
MOST_OUTPUT = 64 * 1024  # bytes that are read of a program
MOST_ARGUMENT = 200  # characters
ENDED_S = 2.0  # for a program that is told to end
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "XDG_RUNTIME_DIR")  # of the environment; keys stay here
KINDS: dict[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}

_log = logging.getLogger(__name__)


def add_own(registry: Registry, shells: Mapping[str, Shell], points: Sequence[EntryPoint] | None = None) -> list[str]:
    """Put them into the registry; returns what is wrong with those that are left out, one line each."""
    problems: list[str] = []
    found: list[Tool] = []
    for point in entry_points(group=GROUP) if points is None else points:
        try:
            found.append(from_function(point.load(), point.name))
        except Exception as error:  # noqa: BLE001  somebody else's code
            problems.append(f"The tool {point.name} of {point.value} cannot be used: {error}")
    found += [from_shell(name, shell) for name, shell in shells.items()]
    registry.put("own", found)
    for problem in problems:
        _log.warning("own_tool_left_out", extra={"error": problem})
    return problems


# --- functions -----------------------------------------------------------------------------------------


def from_function(function: Callable[..., Any], name: str = "") -> Tool:
    """A tool that calls it. It may be a coroutine, may have attributes `confirm` (a question) and `limit_s` (s).

    Raises TypeError where an argument has no annotation that a model can be told: str, int, float, bool, Literal of
    texts, or list of those.
    """
    hints = get_type_hints(function)
    properties, required = {}, list[str]()
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise TypeError(f"the argument {parameter.name} cannot be given by name")
        properties[parameter.name] = _schema(parameter.name, hints.get(parameter.name))
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    about = inspect.getdoc(function)
    if not about:
        raise TypeError("it has no docstring, which tells the model what it is for")
    question = getattr(function, "confirm", None)

    async def call(arguments: Arguments, _now: datetime) -> Result:
        if inspect.iscoroutinefunction(function):
            result = await function(**arguments)
        else:
            result = await asyncio.to_thread(function, **arguments)  # it may take its time
        return dict(result) if isinstance(result, Mapping) else {"result": result}

    limit_s = float(getattr(function, "limit_s", LIMIT_S))
    return Tool(
        name or function.__name__, about, call, properties, tuple(required), limit_s,
        confirm=None if question is None else lambda _: str(question),
    )  # fmt: skip


def _schema(name: str, kind: Any) -> dict[str, object]:
    if kind in KINDS:
        return {"type": KINDS[kind]}
    if get_origin(kind) is Literal and all(isinstance(one, str) for one in get_args(kind)):
        return {"type": "string", "enum": list(get_args(kind))}
    if get_origin(kind) is list and get_args(kind):
        return {"type": "array", "items": _schema(name, get_args(kind)[0])}
    raise TypeError(f"the argument {name} needs an annotation such as str, int, float, bool or Literal")


# --- programs ------------------------------------------------------------------------------------------


def places(command: Sequence[str]) -> list[str]:
    """The names of the arguments in it: {room}. Raises ValueError for what is no name."""
    names = [name for word in command for _, name, _, _ in string.Formatter().parse(word) if name is not None]
    if odd := [name for name in names if not name.isidentifier()]:
        raise ValueError(f"{{{odd[0]}}} is no argument's name")
    return list(dict.fromkeys(names))


def from_shell(name: str, shell: Shell) -> Tool:
    """A tool that runs the program, as the configuration has checked it."""
    choices = {key: given for key, _, given in (one.partition("=") for one in shell.choices)}
    properties: dict[str, dict[str, object]] = {}
    for one in places(shell.command):
        given = {"enum": choices[one].split("|")} if one in choices else {"maxLength": MOST_ARGUMENT}
        properties[one] = {"type": "string", **given}

    async def call(arguments: Arguments, _now: datetime) -> Result:
        if dashed := [key for key, value in arguments.items() if str(value).startswith("-")]:
            return {"error": f"{dashed[0]} may not begin with -"}  # the program would take it for an option
        return await _ran([word.format(**arguments) for word in shell.command])

    tool = Tool(name, shell.description or name, call, properties, tuple(properties), shell.limit_s, foreign=True)
    return (
        replace(tool, confirm=lambda _: f"Shall I really do this: {shell.description or name}?")
        if shell.confirm
        else tool
    )


async def _ran(words: list[str]) -> Result:
    env = {key: os.environ[key] for key in KEPT if key in os.environ}
    pipe = asyncio.subprocess.PIPE
    try:
        program = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env=env,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return {"error": f"The program cannot be started: {error.strerror}"}
    assert program.stdout is not None
    try:
        output = b""
        while len(output) < MOST_OUTPUT and (more := await program.stdout.read(MOST_OUTPUT - len(output))):
            output += more
        code = await program.wait() if len(output) < MOST_OUTPUT else 0  # what says more is ended
    finally:
        await _end(program)
    text = output.decode(errors="replace").strip()
    return {"result": text} if code == 0 else {"error": text or f"It ended with {code}"}


async def _end(program: asyncio.subprocess.Process) -> None:
    """With all that it has started."""
    if program.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, 15)
        try:
            async with asyncio.timeout(ENDED_S):
                await program.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, 9)
