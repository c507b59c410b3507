"""How little each model can think before it speaks, and the room that thinking needs. Pure.

Looked up on 2026-11-24: OpenAI's guide "Using GPT-6" and model pages, Anthropic's migration guides of Haiku, Sonnet and
Opus 5.5, Google's "Developer's guide to Gemini 3.8 Flash" and "Gemini 3". Where one is wrong about a model that came
later, the setting `effort` goes before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Thinking counts as output with all vendors: without room of its own it would use up a short reply before it begins.
ROOM = {"minimal": 512, "low": 2048, "medium": 8192, "high": 24_576}

# The first pattern that matches. "": the model takes no effort at all, or only one.
_OPENAI = (
    (r"gpt-[34]|chatgpt|.*-chat-latest|.*-pro", ""),
    (r"o\d|.*-codex", "low"),
    (r"gpt-5(?![.\d])", "minimal"),
    (r"gpt-5\.|gpt-6-(sol|luna)", "none"),
    (r"gpt-\d", "low"),  # gpt-6-astra and gpt-6.1-sol have no "none"
)


def openai(model: str, wanted: str) -> str:
    """The `reasoning_effort` to send; "" for none."""
    return wanted or _first(_OPENAI, model.removeprefix("ft:"))


_CLAUDE = (
    (r"claude-[^5]*-4|claude-3", "off"),  # they think only when told to
    (r"claude-(haiku-5|opus-5$|sonnet-5$)", "disabled"),
    (r"claude-sonnet-5-5", "between_tools"),
    (r"claude-", "always"),
)


def claude(model: str, wanted: str) -> dict[str, object]:
    """The parameters `thinking` and `output_config` to send."""
    if wanted in {"low", "medium", "high"}:
        return {"output_config": {"effort": wanted}}
    match _first(_CLAUDE, model):
        case "disabled":
            return {"thinking": {"type": "disabled"}}
        case "between_tools":
            return {"thinking": {"type": "between_tools"}, "output_config": {"effort": "low"}}
        case "always":
            return {"output_config": {"effort": "low"}}
    return {}


_GEMINI = (
    (r"gemini-2\.5-pro", "128"),
    (r"gemini-2\.5", "0"),
    (r"gemini-[12]", ""),
    (r"gemini-3(\.[1-6])?-flash", "minimal"),  # 3.7 and 3.8 have no "minimal"
    (r"gemini-", "low"),
)
_BUDGETS = {"low": 1024, "medium": 4096, "high": 16_384}


def gemini(model: str, wanted: str) -> dict[str, object]:
    """The `thinking_config` to send: a budget in tokens for the 2.5 models, a level for the later ones."""
    least = _first(_GEMINI, model.removeprefix("models/"))
    if least.isdigit():
        return {"thinking_budget": _BUDGETS.get(wanted, int(least))}
    level = wanted if wanted and wanted != "none" else least
    return {"thinking_level": level.upper()} if level else {}


def room(parameters: Mapping[str, object] | str) -> int:
    """Tokens to allow beside the reply's own, for what `openai`, `claude` or `gemini` has said."""
    words = str(parameters).lower()
    if budget := re.search(r"budget\W+(\d+)", words):
        return int(budget[1])
    return next((tokens for effort, tokens in ROOM.items() if effort in words), 0)


def _first(table: tuple[tuple[str, str], ...], model: str) -> str:
    return next((value for pattern, value in table if re.match(pattern, model)), "")
