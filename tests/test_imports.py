"""The arrows of design section 2 and the sizes of style section 1, read off the source."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ADAPTERS = {"audio", "panel", "agents", "tools", "host"}
BELOW_ADAPTERS = {"errors", "config", "core", "ports"}
# What each part may see beside itself. "" is `edge` itself: its version.
MAY_SEE: dict[str, set[str]] = {
    "": set(),
    "errors": set(),
    "config": {"errors"},
    "core": {"errors"},
    "ports": {"core", "errors"},
    **dict.fromkeys(ADAPTERS, BELOW_ADAPTERS | {""}),
    "daemon": {"core", "ports", "errors"},
    "commands": {"core", "ports", "errors", "daemon", ""},
    "memory": BELOW_ADAPTERS | {"host", "tools"},
    "engines": BELOW_ADAPTERS | ADAPTERS | {"memory"},
    "accounts": BELOW_ADAPTERS | {"daemon", "commands", "host", ""},
    **dict.fromkeys(("insight", "remote"), BELOW_ADAPTERS | {"host", "panel"}),
    "selftest": BELOW_ADAPTERS | {"audio", "daemon"},
    "fitting": BELOW_ADAPTERS | {"audio", "engines"},
    "sessions": BELOW_ADAPTERS | {"audio", "host", "daemon", "commands", "fitting", "replay", ""},
    "wiring": BELOW_ADAPTERS
    | ADAPTERS
    | {"accounts", "memory", "daemon", "commands", "engines", "selftest", "linking", "fitting", "sessions"},
    "adjusting": {"config", "errors", "ports"},
    "linking": BELOW_ADAPTERS | {"adjusting", "daemon", "commands", "host", "tools", ""},
    "service": BELOW_ADAPTERS | ADAPTERS | {"wiring", "linking"},
    **dict.fromkeys(("talk", "testing"), BELOW_ADAPTERS | ADAPTERS | {"daemon", "commands", "fitting", "wiring"}),
    "evals": BELOW_ADAPTERS | ADAPTERS | {"engines", "testing", ""},
    "replay": BELOW_ADAPTERS | {"audio", "fitting", "sessions", ""},
    **dict.fromkeys(("calibrate", "transcribe"), BELOW_ADAPTERS | ADAPTERS),
    "doctor": BELOW_ADAPTERS | ADAPTERS | {"calibrate", "engines", ""},
    "relay": BELOW_ADAPTERS | {"agents", "audio", "tools", "engines", "wiring", ""},
    "cli": BELOW_ADAPTERS
    | ADAPTERS
    | {"talk", "service", "calibrate", "transcribe", "doctor", "relay", "engines", "sessions", "insight", "remote"}
    | {"evals", ""},
    "__main__": {"cli"},
}
IMPURE = {"asyncio", "threading", "time", "logging", "random", "os", "io", "socket", "subprocess", "pathlib", "sys"}
PURE_EXCEPTIONS = {("edge.core.retry", "random")}  # its generator is passed in, so that tests can seed it
LONGEST_FILE, LONGEST_FUNCTION = 400, 50


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def sources() -> dict[str, ast.Module]:
    return {name_of(path): ast.parse(path.read_text()) for path in sorted((ROOT / "edge").rglob("*.py"))}


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module named in an import statement, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import of {node.module}"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in sources() else str(node.module)


def part(module: str) -> str:
    """edge.audio.ring -> audio; edge -> ''."""
    return module.partition(".")[2].partition(".")[0]


EDGES = sorted({(name, other) for name, tree in sources().items() for other in imported(tree)})
INSIDE = [(name, other) for name, other in EDGES if other.partition(".")[0] == "edge"]


@pytest.mark.parametrize("name", sorted(sources()))
def test_imports_go_one_way(name: str) -> None:
    allowed = MAY_SEE[part(name)] | {part(name)}
    assert not [other for source, other in INSIDE if source == name and part(other) not in allowed]


def test_engines_do_not_see_each_other() -> None:
    def engine(module: str) -> str:
        return module.removeprefix("edge.agents.").partition(".")[0]

    agents = [(a, b) for a, b in INSIDE if part(a) == part(b) == "agents"]
    allowed_to_see_all = {"edge.agents.failover"}  # it puts one in the other's place
    assert not [(a, b) for a, b in agents if engine(a) != engine(b) and a not in allowed_to_see_all]


def test_the_core_touches_nothing() -> None:
    touched = [(a, b) for a, b in EDGES if part(a) == "core" and b.partition(".")[0] in IMPURE]
    assert set(touched) <= PURE_EXCEPTIONS
    others = {b.partition(".")[0] for a, b in EDGES if part(a) == "core"} - {"edge"}
    assert others <= sys.stdlib_module_names


def test_the_core_opens_and_prints_nothing() -> None:
    calls = {
        (name, node.func.id)
        for name, tree in sources().items()
        if part(name) == "core"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not [call for call in calls if call[1] in {"open", "print", "input", "exec", "eval"}]


def test_nothing_imports_the_tests() -> None:
    assert not [(a, b) for a, b in EDGES if b.partition(".")[0] == "tests"]


def test_there_are_no_import_cycles() -> None:
    later: dict[str, set[str]] = {name: set() for name in sources()}
    for name, other in INSIDE:
        if other != name:
            later[name].add(other)
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in later[name]:
                visit(other, (*trail, name))
            done.add(name)

    for name in later:
        visit(name, ())


# --- sizes -------------------------------------------------------------------------------------------


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef, text: list[str]) -> int:
    """Lines of the body that are neither blank, nor comment, nor docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    lines = text[body[0].lineno - 1 : function.end_lineno]
    return sum(1 for line in lines if line.strip() and not line.strip().startswith("#"))


def python_files() -> list[Path]:
    return sorted([*(ROOT / "edge").rglob("*.py"), *(ROOT / "tests").rglob("*.py")])


def functions() -> list[tuple[str, int]]:
    found = []
    for path in (ROOT / "edge").rglob("*.py"):
        text = path.read_text()
        found += [
            (f"{path.relative_to(ROOT)}:{node.name}", code_lines(node, text.splitlines()))
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        ]
    return found


def share(numbers: list[int], most: int) -> float:
    return sum(number <= most for number in numbers) / len(numbers)


def test_no_file_is_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python_files()}
    assert not {path: length for path, length in lengths.items() if length > LONGEST_FILE}
    ours = [length for path, length in lengths.items() if path.startswith("edge/")]
    assert share(ours, 120) >= 0.5
    assert share(ours, 250) >= 0.9


def test_no_function_is_long() -> None:
    found = functions()
    assert not [(name, length) for name, length in found if length > LONGEST_FUNCTION]
    lengths = [length for _, length in found]
    assert share(lengths, 7) >= 0.5
    assert share(lengths, 22) >= 0.9
