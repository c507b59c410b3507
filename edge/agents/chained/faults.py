"""What the failure of a service means, as StageFailed in words for its owner; shared by all adapters."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)

from edge.core.chain import Fault, StageFailed
from edge.core.retry_after import seconds

MOST_SAID = 200  # characters of a vendor's own words

_PORTAL = frozenset({200, 301, 302, 303, 307, 308, 511})
_FAULTS = {
    401: Fault.KEY,
    402: Fault.QUOTA,
    403: Fault.KEY,
    408: Fault.SERVICE,
    425: Fault.SERVICE,
    429: Fault.BUSY,
}
# Vendors tell an empty account by 400, 401, 402, 403 and 429; only the text is sure.
_MONEY = re.compile(
    r"insufficient[_ ](quota|funds|credits?|balance)|quota[_ ](exceeded|limit)|exceeded[^.]{0,40} quota|credit balance|"
    r"enough credits?|payment[_ ]required|billing[_ ](hard|not|limit)|out of credits?|no credits",
    re.IGNORECASE,
)
_NOT_YET, _EXPIRED = 9, 10  # X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED
_HERE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})


@dataclass(frozen=True, slots=True)
class Service:
    """Whom a failure is about.

    `name`: as people know it ("Deepgram"); `section`: where its settings are ("stt.deepgram"); `credential`: its
    key's ("deepgram_api_key"); `secret`: the key itself, so that it can be kept out of what is told.
    """

    name: str
    section: str
    credential: str
    secret: str = field(default="", repr=False)

    def plain(self, text: str) -> str:
        """A vendor's words in one printable line, without the key, cut to a length that can be read."""
        if self.secret:
            text = text.replace(self.secret, "***")
        printable = "".join(char if char.isprintable() else " " for char in text)
        return " ".join(printable.split())[:MOST_SAID].rstrip(".")

    def said(self, text: str) -> str:
        """The same behind a colon; "" when there are none."""
        words = self.plain(text)
        return f": {words}" if words else ""


def by_status(service: Service, status: int, retry_after: str = "", said: str = "") -> StageFailed:
    """What an HTTP answer other than success means. `said`: the vendor's own words, code included."""
    fault = _fault(status, said)
    wait = seconds(retry_after, datetime.now(UTC))
    return StageFailed(_status_told(service, fault, status, said), fault, wait)


def by_words(service: Service, code: str, said: str = "", fault: Fault = Fault.SERVICE) -> StageFailed:
    """What an error told in a stream means; `fault` where the text does not say that the money is used up."""
    words = f"{code} {said}".strip()
    return _told(service, Fault.QUOTA if _MONEY.search(words) else fault, said or code)


def by_exception(service: Service, error: BaseException) -> StageFailed:
    """What an exception of a client, a socket or TLS means; looks at what it was raised from, too."""
    for cause in _causes(error):
        found = _by_handshake(service, cause) or _by_socket(service, cause)
        if found is not None:
            return found
    return _told(service, Fault.SERVICE, f"{type(error).__name__} {error}")


def lacking(service: Service, error: ImportError) -> StageFailed:
    """The vendor's client is not installed."""
    return StageFailed(f"{service.name} needs the package {error.name}: install edge-voice[cloud].", Fault.REQUEST)


def hung_up(service: Service, closed: ConnectionClosed) -> StageFailed:
    """A line that ended before its time; silence on our pings is not the same as hanging up."""
    if closed.rcvd is None and closed.sent is not None and closed.sent.code == 1011:  # noqa: PLR2004  RFC 6455
        return stalled(service)
    reason = closed.rcvd.reason if closed.rcvd is not None else ""
    if reason and _MONEY.search(reason):
        return _told(service, Fault.QUOTA, reason)
    return StageFailed(f"{service.name} hung up{service.said(reason)}.", Fault.SERVICE)


def stalled(service: Service) -> StageFailed:
    """Connected, and silent."""
    return StageFailed(f"{service.name} has stopped answering.", Fault.STALLED)


def unreadable(service: Service, what: str) -> StageFailed:
    """It sent something that is not of its protocol; `what` names keys and types, never what somebody said."""
    return StageFailed(f"{service.name} sends what cannot be read{service.said(what)}.", Fault.SERVICE)


def _fault(status: int, said: str) -> Fault:
    if status in _PORTAL:
        return Fault.NETWORK
    if 400 <= status < 500 and _MONEY.search(said):  # noqa: PLR2004  HTTP's classes
        return Fault.QUOTA
    return _FAULTS.get(status, Fault.REQUEST if 400 <= status < 500 else Fault.SERVICE)  # noqa: PLR2004


def _status_told(service: Service, fault: Fault, status: int, said: str) -> str:
    if status in _PORTAL:
        return f"{service.name} is behind a login page of this network (captive portal): log in there once."
    if status == 403 and fault is Fault.KEY:  # noqa: PLR2004  HTTP: known, and not allowed to
        return f"{service.name} does not allow this key to do this{service.said(said)}. Look at the key's rights."
    if status == 404:  # noqa: PLR2004  HTTP: not found
        return f"{service.name} has no such model or address{service.said(said)}. Look at [{service.section}]."
    if fault is Fault.SERVICE:
        return f"{service.name} has a fault (HTTP {status}){service.said(said)}."
    return str(_told(service, fault, said))


def _told(service: Service, fault: Fault, said: str) -> StageFailed:
    why, name = service.said(said), service.name
    match fault:
        case Fault.KEY:
            credential = service.credential
            text = f"{name} refuses the key: set a valid one (credential {credential}, or {credential.upper()})."
        case Fault.QUOTA:
            text = f"{name} has no allowance left for this account{why}. Look at its billing page."
        case Fault.BUSY:
            text = f"{name} has had too many requests; trying again later."
        case Fault.REQUEST:
            text = f"{name} does not take the request{why}. Look at [{service.section}]."
        case Fault.NETWORK:
            text = f"{name} cannot be reached{why}."
        case _:
            text = f"{name} has a fault{why}."
    return StageFailed(text, fault)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, as clients wrap the socket's errors in their own."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = cause.exceptions if isinstance(cause, BaseExceptionGroup) else ()
        waiting += [each for each in (cause.__cause__, cause.__context__, *inner) if each is not None]


def _body(refused: InvalidStatus) -> str:
    """What a refused handshake says: Deepgram's header, or the beginning of the body."""
    told = refused.response.headers.get("dg-error", "")
    return told or (refused.response.body or b"")[: 4 * MOST_SAID].decode("utf-8", "replace")


def _by_handshake(service: Service, cause: BaseException) -> StageFailed | None:
    match cause:
        case InvalidStatus():
            headers = cause.response.headers
            return by_status(service, cause.response.status_code, headers.get("Retry-After", ""), _body(cause))
        case InvalidURI() | InvalidProxy():
            where = f"{service.section}.url" if isinstance(cause, InvalidURI) else "this system's proxy"
            return StageFailed(f"{service.name}: {where} is no usable address: {cause.msg}.", Fault.REQUEST)
        case ProxyError():
            why = f"the proxy does not work{service.said(str(cause))}"
            return StageFailed(f"{service.name} cannot be reached: {why}.", Fault.NETWORK)
        case ssl.SSLCertVerificationError():
            return _by_certificate(service, cause)
        case InvalidHandshake() | ssl.SSLError():
            return _by_stranger(service, cause)
    return None


def _by_socket(service: Service, cause: BaseException) -> StageFailed | None:
    match cause:
        case StageFailed():
            return cause
        case ConnectionClosed():
            return hung_up(service, cause)
        case TimeoutError() if not cause.errno:
            return StageFailed(f"{service.name} does not answer.", Fault.NETWORK)
        case OSError() if isinstance(cause, socket.gaierror) or _numbers(cause):
            return _by_network(service, cause)
    return None


def _by_stranger(service: Service, error: BaseException) -> StageFailed:
    if isinstance(error, InvalidMessage | ssl.SSLError):
        why = f"is there a login page of this network, or is {service.section}.url another server's?"
        return StageFailed(f"{service.name} is not who answers: {why}", Fault.NETWORK)
    return StageFailed(f"{service.name} does not speak WebSocket: look at {service.section}.url.", Fault.SERVICE)


def _by_certificate(service: Service, error: ssl.SSLCertVerificationError) -> StageFailed:
    if error.verify_code in {_NOT_YET, _EXPIRED}:
        wrong = "not valid yet" if error.verify_code == _NOT_YET else "no longer valid"
        clock = f"this device's clock says {datetime.now(UTC):%Y-%m-%d}: set the time if it is wrong"
        return StageFailed(f"{service.name}'s certificate is {wrong}; {clock}.", Fault.NETWORK)
    return StageFailed(f"{service.name}'s certificate is not trusted: {error.verify_message}.", Fault.NETWORK)


def _by_network(service: Service, error: OSError) -> StageFailed:
    if isinstance(error, socket.gaierror):
        return StageFailed(f"{service.name}'s name is not found: is there a network?", Fault.NETWORK)
    found = _numbers(error)
    if found <= _HERE:
        return StageFailed("There is no network.", Fault.NETWORK)
    why = os.strerror(min(found - _HERE))
    return StageFailed(f"{service.name} cannot be reached: {why}.", Fault.NETWORK)


def _numbers(error: OSError) -> set[int]:
    """When all of a host's addresses fail, asyncio keeps the error numbers only in its text."""
    return {error.errno} if error.errno else {int(number) for number in re.findall(r"\[Errno (\d+)\]", str(error))}
