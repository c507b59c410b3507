"""What the README shows has to run."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from edge.tools.own import GROUP, add_own
from edge.tools.registry import Registry

ROOT = Path(__file__).parents[1]


def test_the_simulated_device_example_runs() -> None:
    """From the root of a checkout, as a reader would type it."""
    text = (ROOT / "README.md").read_text()
    _, example = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    result = subprocess.run(
        [sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "The lamp is on." in result.stdout


def test_the_example_of_a_tool_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the module and the entry point that it names itself."""
    example, _ = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "blinds.py").write_text(example)
    monkeypatch.syspath_prepend(tmp_path)
    ((name, place),) = re.findall(r'^#\s+(\w+) = "(.+)"$', example, re.MULTILINE)
    registry = Registry([])
    assert add_own(registry, {}, [EntryPoint(name, place, GROUP)]) == []
    call = registry.run_within("move_blinds", {"room": "hall", "percent": 40}, datetime(2026, 11, 25, tzinfo=UTC))
    assert asyncio.run(call) == {"result": "done"}
    assert registry.specs()[0]["description"] == "Open the blinds of a room so many percent, or close them with 0."


def test_the_commands_of_the_readme_are_commands() -> None:
    """Every `dev cli` and `edge-voice` command that is shown exists."""
    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"(?:dev cli|edge-voice) ([a-z]+)", text)) - {"talk", "run"}
    help_text = subprocess.run(
        [sys.executable, "-m", "edge", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {name for name in named if not re.search(rf"^ +{name}\b", help_text.stdout, re.MULTILINE)} == set()
