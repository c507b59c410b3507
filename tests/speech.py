"""The project's own ears, for tests that listen to what the device says."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from edge.agents.local import models
from edge.agents.local.setup import EARS, models_dir
from edge.agents.local.worker.whisper import Whisper
from edge.config import load


def models_present() -> bool:
    """Whether the speech model has been fetched."""
    ears = next(model for model in models.load_manifest() if model.id == EARS)
    return models.state_of(ears, models_dir(load().local)) == "ok"


@cache
def whisper(language: str = "en") -> Whisper:
    return Whisper(models.path_of(EARS, models_dir(load().local)), language)


def transcribe(samples: NDArray[np.int16]) -> str:
    """What a person would hear."""
    return whisper().read(samples.tobytes()).text
