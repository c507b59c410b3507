"""What a vendor's error means for the session: one pure table of codes and phrases."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge.agents.realtime.reading import Json, label


class Kind(StrEnum):
    """What to do about an error."""

    RACE = "race"  # both sides were right at the time: go on as if nothing had happened
    EXPIRED = "expired"  # the session is over: open another one
    AUTH = "auth"  # the session is over, and another one with this key, model or URL would be too
    RATE = "rate"  # too much at once: wait
    QUOTA = "quota"  # the account's money is used up: only a person can help
    SERVER = "server"  # the vendor's own trouble: try again
    REFUSED = "refused"  # our request was wrong; the session goes on


ENDING = frozenset({Kind.EXPIRED, Kind.AUTH})
RETRYABLE = frozenset({Kind.EXPIRED, Kind.RATE, Kind.SERVER})

BUSY = "conversation_already_has_active_response"
EMPTY = "input_audio_buffer_commit_empty"

_CODES = {
    Kind.RACE: ("response_cancel_not_active", BUSY, EMPTY),
    Kind.EXPIRED: ("session_expired",),
    Kind.AUTH: (
        "invalid_api_key", "incorrect_api_key", "authentication_error", "invalid_authentication", "unauthorized",
        "permission_denied", "permission_error", "insufficient_permissions", "account_deactivated",
        "model_not_found", "beta_api_shape_disabled", "unsupported_country_region_territory",
    ),
    Kind.RATE: (
        "rate_limit_exceeded", "inference_rate_limit_exceeded", "rate_limit_error", "rate_limited",
        "too_many_requests", "tokens", "requests", "429", "session_limit_reached",
    ),
    Kind.QUOTA: ("insufficient_quota", "quota_exceeded", "billing_hard_limit_reached", "billing_not_active"),
    Kind.SERVER: ("server_error", "internal_error", "internal_server_error", "overloaded", "service_unavailable"),
}  # fmt: skip
_BY_CODE = {code: kind for kind, codes in _CODES.items() for code in codes}

# Where the code says too little: a truncation is answered with `invalid_value`, or with another code when
# not a sample of the item existed yet (livekit/agents#6158).
_PHRASES = (
    ("already shorter than", Kind.RACE),
    ("only model output audio messages can be truncated", Kind.RACE),
    ("maximum duration", Kind.EXPIRED),
    ("exceeded your current quota", Kind.QUOTA),
    ("rate limit reached", Kind.RATE),
)


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error as the vendor told it. `event_id` is that of the command of ours it answers, if any."""

    code: str = ""
    message: str = ""
    type: str = ""
    param: str = ""
    event_id: str = ""

    @property
    def kind(self) -> Kind:
        """What it means."""
        return classify(self.code, self.message, self.type)

    @property
    def busy(self) -> bool:
        """Whether a response was refused because another one is being made."""
        return self._named(BUSY)

    @property
    def nothing_to_commit(self) -> bool:
        """Whether a commit was refused because the buffer held nothing, or next to it."""
        return self._named(EMPTY)

    @property
    def words(self) -> str:
        """What is known of it, without a full stop."""
        return (self.message or self.code or self.type).strip().rstrip(".") or "it does not say why"

    def _named(self, name: str) -> bool:
        return name in {self.code.lower(), self.type.lower()}  # some servers have no codes, and name it in the type

    @property
    def ends_session(self) -> bool:
        """Whether nothing more can come of this session."""
        return self.kind in ENDING

    @property
    def retryable(self) -> bool:
        """Whether the same request may go through later, or in a new session."""
        return self.kind in RETRYABLE


def classify(code: str, message: str = "", kind: str = "") -> Kind:
    """The code decides; then the message, then the error's type; what nobody knows was `REFUSED`."""
    known = _BY_CODE.get(code.lower())
    if known is not None:
        return known
    said = message.lower()
    for phrase, meaning in _PHRASES:
        if phrase in said:
            return meaning
    return _BY_CODE.get(kind.lower(), Kind.REFUSED)


_EXPLAINED = {
    Kind.QUOTA: "The account's money is used up: see the vendor's billing page.",
    Kind.RATE: "The vendor says that this was too much at once: try again in a moment.",
    Kind.SERVER: "The vendor's service has a fault: try again in a moment.",
}


def explained(error: ApiError) -> str:
    """What a person should know; the vendor's own words where they say more than we can."""
    said = error.message or error.code or error.type or "the vendor does not say why."
    return _EXPLAINED.get(error.kind, f"The answer failed: {said}")


def api_error(body: Json) -> ApiError:
    """An error object, read with forgiveness: an error that cannot be read would be silence."""
    return ApiError(
        code=label(body, "code", 100),
        message=label(body, "message"),
        type=label(body, "type", 100),
        param=label(body, "param", 100),
        event_id=label(body, "event_id", 512),
    )
