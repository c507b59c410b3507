"""The section [memory] of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from edge.config.fields import setting


@dataclass(frozen=True, slots=True)
class Memory:
    """The section [memory]. By default no word that was said is written to a disk."""

    resume_minutes: int = setting(0, "how long after the last answer a conversation goes on over a restart; "
                                     "0 writes none of it down", 0, 1440)  # fmt: skip
    context_tokens: int = setting(2000, "about how much of the conversation an engine is given again in every turn",
                                  200, 100_000)  # fmt: skip
    facts: bool = setting(False, "whether it remembers what you ask it to, until you have it forget")
