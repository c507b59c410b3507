"""What a sentence means: the two values that the understanding layer takes and gives."""

from dataclasses import dataclass, field
from typing import Literal

Action = Literal["stop", "repeat", "forget", "goodbye"]


@dataclass(frozen=True)
class Context:
    """What the sentence is heard against: the last thing said by the device and how many timers run.

    `remembers`: there are tools to remember facts, and to forget everything.
    """

    last_reply: str = ""
    timers: int = 0
    remembers: bool = False


@dataclass(frozen=True)
class Intent:
    """One command understood: either a tool with arguments, or a reply to speak, and at most one action."""

    name: str
    tool: str | None = None
    arguments: dict[str, object] = field(default_factory=dict)
    reply: str | None = None
    action: Action | None = None
