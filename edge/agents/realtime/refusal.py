"""Why a session cannot be had, in words, and when trying again can help."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from datetime import UTC, datetime

from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidProxy, InvalidStatus, InvalidURI, ProxyError

from edge.agents.realtime.failures import ApiError, Kind, explained
from edge.core.retry_after import seconds
from edge.errors import AgentError

_STATUS = {
    401: "refuses the key: set a valid one (credential openai_api_key, or OPENAI_API_KEY)",
    403: "refuses the key for this model or country",
    404: "has no such model or address: look at realtime.model and realtime.url",
    429: "has had too many requests; trying again later",
    511: "is behind a login page of this network (captive portal): log in there once",
}
_FINAL = frozenset({401, 403, 404})
_PORTAL = frozenset({200, 301, 302, 303, 307, 308})
_NOT_YET, _EXPIRED = 9, 10  # X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED
_HERE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})


class Refused(AgentError):
    """No session. `retry_after` is how long the server wants to be left alone (s).

    `local`: nothing has left this device, so trying again often costs nobody anything.
    """

    def __init__(self, message: str, *, retryable: bool, retry_after: float = 0.0, local: bool = False) -> None:
        super().__init__(message, retryable=retryable)
        self.retry_after, self.local = retry_after, local


def refusal(error: Exception) -> Refused:
    """What a failed handshake means."""
    match error:
        case InvalidStatus():
            return _by_status(error.response.status_code, error.response.headers.get("Retry-After", ""))
        case ssl.SSLCertVerificationError():
            return _by_certificate(error)
        case InvalidHandshake() | ssl.SSLError():
            return Refused(f"The voice service {_by_stranger(error)}.", retryable=True)
        case OSError():
            return _by_network(error)
    return Refused(_by_owner(error), retryable=False)


def _by_stranger(error: Exception) -> str:
    if isinstance(error, ProxyError):
        return f"cannot be reached: the proxy does not work ({_plain(error)})"
    if isinstance(error, InvalidMessage | ssl.SSLError):
        return "is not who answers: is there a login page of this network, or is realtime.url another server's?"
    return "does not speak WebSocket: look at realtime.url"


def _by_owner(error: Exception) -> str:
    """Without the address itself, which may hold a password."""
    if isinstance(error, InvalidURI):
        return f"realtime.url is no WebSocket address: {error.msg}."
    if isinstance(error, InvalidProxy):
        return f"The proxy of this system is no proxy's address: {error.msg}."
    if isinstance(error, ImportError):
        return f"The proxy of this system cannot be used: {_plain(error)}."
    return f"realtime.url or the key cannot be used ({type(error).__name__})."


def denial(error: ApiError) -> Refused:
    """What an error before the session is ours means."""
    own_words = error.kind in {Kind.QUOTA, Kind.RATE, Kind.SERVER}
    why = explained(error) if own_words else f"The voice service refuses: {error.words}."
    return Refused(why, retryable=error.retryable)


def _by_network(error: OSError) -> Refused:
    if isinstance(error, socket.gaierror):
        return Refused("The voice service's name is not found: is there a network?", retryable=True, local=True)
    found = _numbers(error)
    if found and found <= _HERE:
        return Refused("There is no network.", retryable=True, local=True)
    why = os.strerror(min(found - _HERE)) if found else _plain(error)
    return Refused(f"The voice service cannot be reached: {why}.", retryable=True)


def _numbers(error: OSError) -> set[int]:
    """When all of a host's addresses fail, asyncio keeps the error numbers only in its text."""
    return {error.errno} if error.errno else {int(number) for number in re.findall(r"\[Errno (\d+)\]", str(error))}


def _by_status(status: int, retry_after: str) -> Refused:
    why = _STATUS[511] if status in _PORTAL else _STATUS.get(status, f"answers with HTTP {status}")
    wait = seconds(retry_after, datetime.now(UTC))
    return Refused(f"The voice service {why}.", retryable=status not in _FINAL, retry_after=wait)


def _by_certificate(error: ssl.SSLCertVerificationError) -> Refused:
    if error.verify_code in {_NOT_YET, _EXPIRED}:
        wrong = "not valid yet" if error.verify_code == _NOT_YET else "no longer valid"
        clock = f"this device's clock says {datetime.now(UTC):%Y-%m-%d}: set the time if it is wrong"
        # a clock that is behind is set right soon after the start, and then every second counts
        local = error.verify_code == _NOT_YET
        return Refused(f"The voice service's certificate is {wrong}; {clock}.", retryable=True, local=local)
    return Refused(f"The voice service's certificate is not trusted: {error.verify_message}.", retryable=True)


def _plain(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    return text or ("the connection broke off" if isinstance(error, ConnectionError) else type(error).__name__)
