"""Why a conversation cannot begin, or is over: a code for programs, words for a person, a close code for the socket."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ending:
    """`code` is in the `error` event before the close; `close` is the WebSocket's, `status` HTTP's for the same.

    The codes are those that Realtime clients know where there are any (edge.agents.realtime.failures).
    """

    code: str
    message: str
    close: int = 1000
    status: int = 503
    wait_s: float = 0.0


MONEY, MANY, LATER = 4402, 4429, 1013

HUNG_UP = Ending("hung_up", "The conversation was ended.")
GONE = Ending("gone", "The page has gone.")
CHANGED = Ending("changed", "The conversation was ended: its instructions or tools were changed from the page.", 1008)
GOING_AWAY = Ending("going_away", "The relay is restarting. Please try again in a moment.", 1012, wait_s=1)
REVOKED = Ending("revoked", "You are not allowed to talk here any more. Please sign in or pair again.", 4403, 403)
UNREAD = Ending("too_slow", "What the relay sends is not read.", 1008)
BUSY = Ending(
    "session_limit_reached", "All conversations of this relay are taken. Please try again later.", MANY, 429, 15
)
TOO_MANY_OF_YOURS = Ending(
    "session_limit_reached", "You have other conversations open. Please end one and try again.", MANY, 429, 5
)
NO_VENDOR = Ending("no_webrtc", "This relay has no vendor's key: talk to it over /v1/realtime.", 1011, 409)
LOST = Ending("upstream", "The connection to the vendor broke off. Please try again.", LATER)


def time_up(minutes: float) -> Ending:
    """The longest time is over."""
    return Ending("session_expired", f"Your session hit the maximum duration of {minutes:g} minutes.", 1001)


def spent(*, all_together: bool) -> Ending:
    """The day's money is spent."""
    whose = "This relay's budget for today" if all_together else "Your budget for today"
    return Ending("budget_spent", f"{whose} is used up; it begins anew at midnight.", MONEY, 402)


def error_event(code: str, message: str, *, event_id: str | None = None, param: str | None = None) -> dict[str, Any]:
    """As the vendor's `error` events look."""
    error = {"type": "invalid_request_error", "code": code, "message": message, "param": param, "event_id": event_id}
    return {"type": "error", "event_id": "event_relay", "error": error}


def told(ending: Ending) -> str:
    """The `error` event of an ending, as a frame."""
    return json.dumps(error_event(ending.code, ending.message))
