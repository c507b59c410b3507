"""What the README shows has to run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_simulated_device_example_runs() -> None:
    """From the root of a checkout, as a reader would type it."""
    text = (ROOT / "README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    result = subprocess.run(
        [sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "The lamp is on." in result.stdout


def test_the_commands_of_the_readme_are_commands() -> None:
    """Every `dev cli` and `edge-voice` command that is shown exists."""
    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"(?:dev cli|edge-voice) ([a-z]+)", text)) - {"talk", "run"}
    help_text = subprocess.run(
        [sys.executable, "-m", "edge", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {name for name in named if not re.search(rf"^ +{name}\b", help_text.stdout, re.MULTILINE)} == set()
