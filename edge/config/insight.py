"""The section [insight] of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from edge.config.fields import setting


@dataclass(frozen=True, slots=True)
class Insight:
    """The section [insight]."""

    otlp: str = setting("", "where traces go by OTLP over HTTP, such as http://collector:4318; with the headers of the "
                            "credential otlp_headers (NAME=VALUE,...); nowhere when empty")  # fmt: skip
