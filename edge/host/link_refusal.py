"""Why there is no link to the relay, in words, and when it is worth trying again."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from datetime import UTC, datetime

from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus, ProxyError

from edge.core.retry_after import seconds
from edge.errors import LinkError

HOUR_S = 3600.0
PAIR = "Pair it again: edge-voice pair"

_STATUS = {
    401: "wants something else than a device: look at relay.url",
    403: "is not reached by this name, or something on the way forbids it: look at relay.url",
    404: "is no relay of this kind: look at relay.url",
    429: "has too many connections from here; trying again later",
    503: "is busy; trying again later",
    511: "is behind a login page of this network (captive portal): log in there once",
}
_PORTAL = frozenset({200, 301, 302, 303, 307, 308})
_NOT_YET, _EXPIRED = 9, 10  # X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED
_HERE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})
# Close codes of the relay, with the least time until the next try.
_CLOSED = {
    4401: ("does not believe that this is the device it says it is: is relay.url the name that it has itself?", 60),
    4403: (f"does not know this device, or knows it no more. {PAIR}", HOUR_S),
    4409: ("has another device with this one's key. Was the card copied? On one: edge-voice unenrol; edge-voice pair",
           60),
    4429: ("has had too much from this device; trying again later", 30),
}  # fmt: skip


class Refused(LinkError):
    """No link. `least_s` is how long to leave the relay alone; `local`: nothing has left this device.

    `unknown`: the relay does not have this device's key.
    """

    def __init__(self, message: str, *, least_s: float = 0.0, local: bool = False, unknown: bool = False) -> None:
        self.least_s, self.local, self.unknown = least_s, local, unknown
        super().__init__(message)


def refusal(error: Exception) -> Refused:
    """What a failed handshake means."""
    match error:
        case InvalidStatus():
            return _by_status(error.response.status_code, error.response.headers.get("Retry-After", ""))
        case ssl.SSLCertVerificationError():
            return _by_certificate(error)
        case InvalidHandshake() | ssl.SSLError():
            return Refused(_by_stranger(error))
        case OSError():
            return _by_network(error)
    return Refused(f"The relay's address cannot be used ({type(error).__name__}): look at relay.url.", least_s=60)


def _by_stranger(error: Exception) -> str:
    if isinstance(error, ProxyError):
        return "The relay cannot be reached: the proxy of this system does not work."
    if isinstance(error, InvalidMessage | ssl.SSLError):
        return "The relay is not who answers: is there a login page of this network?"
    return "The relay does not speak WebSocket: look at relay.url."


def by_code(code: int | None, reason: str) -> Refused | None:
    """What the relay means by closing the link; None when it was only lost, or restarts."""
    if code == 4401 and reason in {"wrong code", "code expired"}:  # noqa: PLR2004  see _CLOSED
        return Refused("The relay does not take this code: it is wrong, has been used, or is too old.")
    if code not in _CLOSED:
        return None
    words, least_s = _CLOSED[code]
    return Refused(f"The relay {words}.", least_s=least_s, unknown=code == 4403)  # noqa: PLR2004  see _CLOSED


def _by_network(error: OSError) -> Refused:
    if isinstance(error, TimeoutError):
        return Refused("The relay does not answer.")
    if isinstance(error, socket.gaierror):
        return Refused("The relay's name is not found: is there a network?", local=True)
    found = {error.errno} if error.errno else {int(one) for one in re.findall(r"\[Errno (\d+)\]", str(error))}
    if found and found <= _HERE:
        return Refused("There is no network.", local=True)
    why = os.strerror(min(found - _HERE)) if found else str(error) or type(error).__name__
    return Refused(f"The relay cannot be reached: {why}.")


def _by_status(status: int, retry_after: str) -> Refused:
    why = _STATUS[511] if status in _PORTAL else _STATUS.get(status, f"answers with HTTP {status}")
    return Refused(f"The relay {why}.", least_s=seconds(retry_after, datetime.now(UTC)))


def _by_certificate(error: ssl.SSLCertVerificationError) -> Refused:
    if error.verify_code in {_NOT_YET, _EXPIRED}:
        wrong = "not valid yet" if error.verify_code == _NOT_YET else "no longer valid"
        clock = f"this device's clock says {datetime.now(UTC):%Y-%m-%d}: set the time if it is wrong"
        # a clock that is behind is set right soon after the start, and then every second counts
        return Refused(f"The relay's certificate is {wrong}; {clock}.", local=error.verify_code == _NOT_YET)
    return Refused(f"The relay's certificate is not trusted: {error.verify_message}.")
