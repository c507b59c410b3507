"""Configurations that several tests use."""

from __future__ import annotations

from dataclasses import replace

from edge.config import Config

# The engine gets what the microphone gave, sample by sample.
EXACT = replace(
    Config(), audio=replace(Config().audio, agc=False), conversation=replace(Config().conversation, barge_in="button")
)
