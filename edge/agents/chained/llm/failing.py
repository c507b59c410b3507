"""What an exception of a vendor's client means. All three are built on httpx2, and each wraps it in its own way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge.agents.chained import faults
from edge.agents.chained.faults import Service
from edge.core.chain import Fault, StageFailed

_OK, _BAD_REQUEST, _UNAUTHORIZED, _TOO_MANY, _OVERLOADED = 200, 400, 401, 429, 529

# The vendors' names of errors, as they stand in `code`, `type` and `status`. What is not here is the service's fault.
_NAMES = {
    Fault.KEY: ("invalid_api_key", "authentication_error", "permission_error", "permission_denied", "unauthenticated"),
    Fault.QUOTA: ("insufficient_quota", "billing_error"),
    Fault.BUSY: ("rate_limit_exceeded", "rate_limit_error", "overloaded_error", "resource_exhausted"),
    Fault.REQUEST: (
        "invalid_request_error", "invalid_prompt", "invalid_argument", "not_found_error", "not_found",
        "model_not_found", "context_length_exceeded",
    ),
}  # fmt: skip
_BY_NAME = {name: fault for fault, names in _NAMES.items() for name in names}


@dataclass(frozen=True, slots=True)
class Told:
    """What a vendor says of an error: `names` are its code, type and status, as far as there are any."""

    message: str = ""
    names: tuple[str, ...] = ()
    details: str = ""

    @property
    def fault(self) -> Fault:
        """What the names mean; the first that is known decides."""
        return next((_BY_NAME[name] for name in self.names if name in _BY_NAME), Fault.SERVICE)

    @property
    def words(self) -> str:
        """All of it."""
        return " ".join((*self.names, self.message)).strip()


def told(body: object) -> Told:
    """Read an error's body, with forgiveness: OpenAI's, Anthropic's and Google's differ in the wrapping only."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return Told(body if isinstance(body, str) else "")
    error = body.get("error") or body
    if not isinstance(error, dict):
        return Told(str(error))
    names = tuple(str(error[key]).lower() for key in ("code", "type", "status") if error.get(key))
    return Told(str(error.get("message") or ""), names, str(error.get("details") or ""))


def failure(service: Service, error: Exception) -> StageFailed:
    """Why there is no reply, or no more of it."""
    if isinstance(error, StageFailed):
        return error
    status = _status(error)
    if status:
        return _by_answer(service, error, status)
    body = getattr(error, "body", None)
    if body is not None:
        return by_told(service, told(body))
    return _by_transport(service, error)


def by_told(service: Service, said: Told) -> StageFailed:
    """An error told in the stream itself, after a good beginning."""
    return faults.by_words(service, " ".join(said.names), said.message, said.fault)


def _status(error: Exception) -> int:
    """The HTTP status: two clients call it `status_code`, Google's calls it `code`."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return status if isinstance(status, int) else 0


def _by_answer(service: Service, error: Exception, status: int) -> StageFailed:
    said = told(getattr(error, "body", None) or getattr(error, "details", None))
    if status == _OK and said.names:
        return by_told(service, said)
    wait = str(getattr(getattr(error, "response", None), "headers", {}).get("retry-after", ""))
    if status == _OVERLOADED:
        busy = faults.by_words(service, "overloaded", fault=Fault.BUSY)
        return StageFailed(str(busy), Fault.BUSY, faults.by_status(service, _TOO_MANY, wait).retry_after)
    if status == _BAD_REQUEST and "api key not valid" in said.message.lower():  # Google's way to refuse a key
        status = _UNAUTHORIZED
    if status == _TOO_MANY and (delay := _delay(said)):
        return faults.by_status(service, status, delay)
    return faults.by_status(service, status, wait, said.words)


def _delay(said: Told) -> str:
    """Google speaks of a quota also where it means requests a minute, and says for how long in the details."""
    found = re.search(r"retryDelay\W+(\d+(?:\.\d+)?)s", said.details)
    return found[1] if found and "PerDay" not in said.details else ""


def _by_transport(service: Service, error: Exception) -> StageFailed:
    import httpx2

    chain = tuple(_chain(error))

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in chain)

    if has(httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        return StageFailed(f"{service.section}.url is no usable address.", Fault.REQUEST)
    if has(httpx2.ReadTimeout, httpx2.WriteTimeout, httpx2.PoolTimeout):
        return faults.stalled(service)
    if has(httpx2.ProxyError):
        return StageFailed(f"{service.name} cannot be reached: the proxy does not work.", Fault.NETWORK)
    if has(httpx2.ConnectError, httpx2.ConnectTimeout):
        found = faults.by_exception(service, error)
        unsaid = StageFailed(f"{service.name} cannot be reached.", Fault.NETWORK)
        return found if found.fault is Fault.NETWORK else unsaid
    if has(httpx2.TransportError):
        return StageFailed(f"{service.name} has broken off.", Fault.SERVICE)
    return faults.unreadable(service, type(error).__name__)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
