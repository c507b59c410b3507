"""Configurations that several tests use."""

from __future__ import annotations

from dataclasses import replace

from edge.config import Config

EXACT = replace(Config(), audio=replace(Config().audio, agc=False))  # the engine gets what the microphone gave
