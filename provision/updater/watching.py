"""`health`, every few minutes: sees a trial through that lost its updater, and notes what `doctor` finds red."""

from __future__ import annotations

import json

from . import files
from .switching import Switcher

REPORT = "health.json"


def report(switcher: Switcher) -> str:
    """What is red, in a line; all of it goes into /opt/edge-voice/health.json, for whoever asks from afar."""
    _, said = switcher.service.run(switcher.current_folder, "doctor", "--json")
    try:
        rows = json.JSONDecoder().raw_decode(said)[0]["results"]
        red = [{key: str(row[key]) for key in ("check", "found", "todo")} for row in rows if row["state"] == "fail"]
    except (ValueError, KeyError, TypeError):
        red = [{"check": "doctor", "found": "It does not answer.", "todo": ""}]
    text = json.dumps({"at": switcher.service.now(), "red": red}, indent=1) + "\n"
    files.write(switcher.layout.opt / REPORT, text)
    return "; ".join(f"{row['check']}: {row['found']}" for row in red) or "All is well."
