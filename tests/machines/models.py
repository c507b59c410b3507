"""The offline engine's models, where this machine has them."""

from __future__ import annotations

from pathlib import Path

MODELS = Path.home() / ".local/share/edge-voice/models"
