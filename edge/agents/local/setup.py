"""From the configuration to a LocalAgent: which models are there, and what is missing in words."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edge.agents.local import models
from edge.agents.local.engine import LocalAgent
from edge.agents.local.responder import Settings, Told
from edge.agents.local.stages import LocalStages
from edge.config import Local
from edge.config.places import models_home
from edge.core.history import History
from edge.ports import Post

EARS, MIND = "whisper-base", "qwen2.5-coder-0.5b-instruct"


def models_dir(config: Local) -> Path:
    """Where the models are kept."""
    return Path(config.models_dir) if config.models_dir else models_home()


def local_agent(
    config: Local, post: Post, timers: Callable[[], int] = lambda: 0, history: History | None = None,
    told: Told | None = None,
) -> LocalAgent:  # fmt: skip
    """The offline engine as configured; `timers` tells how many are running.

    `told`, where there are tools to remember facts, gives what is known of the person, in so many characters.
    """
    settings, check = _settings(config)
    settings = replace(settings, told=told)
    return LocalAgent(settings, post, check, timers, history=history)


def local_stages(config: Local) -> LocalStages:
    """Its parts for the chained engine."""
    return LocalStages(*_settings(config))


def problem(config: Local) -> str:
    """What keeps the offline engine from starting, or ""."""
    return _settings(config)[1]()


def _settings(config: Local) -> tuple[Settings, Callable[[], str]]:
    directory = models_dir(config)
    known = {model.id: model for model in models.load_manifest()}
    reason = _why_no_mind(config, known[MIND], directory)
    mind = models.path_of(MIND, directory) / known[MIND].files[0].name
    settings = Settings(
        whisper=models.path_of(EARS, directory), llm=None if reason else mind, llm_reason=reason,
        language=config.language, threads=config.threads, speed=config.speed, max_tokens=config.max_tokens,
        instructions=config.instructions,
    )  # fmt: skip
    return settings, lambda: _missing(known[EARS], directory)


def _missing(ears: models.Model, directory: Path) -> str:
    state = models.state_of(ears, directory)
    if state != "ok":
        return f"The offline engine's speech model is {state} in {directory}; get it with: edge-voice models fetch"
    absent = [name for name in ("ctranslate2", "tokenizers", "hibari") if importlib.util.find_spec(name) is None]
    if absent:
        return f"The offline engine is not installed ({', '.join(absent)} missing); install edge-voice[local]."
    return ""


def _why_no_mind(config: Local, mind: models.Model, directory: Path) -> str:
    if config.llm == "off":
        return "it is turned off"
    if models.state_of(mind, directory) != "ok":
        return "it is not installed"
    if importlib.util.find_spec("xllamacpp") is None:
        return "the package it runs on is not installed"
    return ""
