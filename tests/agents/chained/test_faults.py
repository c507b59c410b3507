"""The failures of services, put into words."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import (
    ConnectionClosedError,
    ConnectionClosedOK,
    InvalidHeader,
    InvalidMessage,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)
from websockets.frames import Close
from websockets.http11 import Response

from edge.agents.chained import faults
from edge.core.chain import Fault, StageFailed

KEY = "sk-3cr3t"
SERVICE = faults.Service("Deepgram", "stt.deepgram", "deepgram_api_key", KEY)


def refused(status: int, body: bytes = b"", **headers: str) -> InvalidStatus:
    named = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return InvalidStatus(Response(status, "No", named, body))


@pytest.mark.parametrize(
    ("status", "said", "fault", "told"),
    [
        (400, "no such voice", Fault.REQUEST, "does not take the request: no such voice. Look at [stt.deepgram]."),
        (
            401,
            "",
            Fault.KEY,
            "refuses the key: set a valid one (credential deepgram_api_key, or DEEPGRAM_API_KEY).",
        ),
        (401, "quota_exceeded: 0 credits", Fault.QUOTA, "has no allowance left for this account: quota_exceeded"),
        (402, "", Fault.QUOTA, "has no allowance left for this account. Look at its billing page."),
        (400, "Your credit balance is too low", Fault.QUOTA, "Your credit balance is too low"),
        (403, "no access", Fault.KEY, "does not allow this key to do this: no access. Look at the key's rights."),
        (404, "", Fault.REQUEST, "has no such model or address. Look at [stt.deepgram]."),
        (408, "", Fault.SERVICE, "has a fault (HTTP 408)."),
        (422, "", Fault.REQUEST, "does not take the request"),
        (429, "slow down", Fault.BUSY, "has had too many requests; trying again later."),
        (429, "You exceeded your current quota, please check", Fault.QUOTA, "billing page"),
        (500, "", Fault.SERVICE, "has a fault (HTTP 500)."),
        (503, "insufficient_quota", Fault.SERVICE, "has a fault (HTTP 503): insufficient_quota."),
        (529, "", Fault.SERVICE, "has a fault (HTTP 529)."),
        (302, "", Fault.NETWORK, "captive portal"),
        (200, "", Fault.NETWORK, "captive portal"),
        (511, "", Fault.NETWORK, "captive portal"),
    ],
)
def test_a_status(status, said, fault, told):
    failed = faults.by_status(SERVICE, status, said=said)
    assert failed.fault is fault
    assert str(failed).startswith("Deepgram ")
    assert told in str(failed)
    assert failed.retryable is (fault not in {Fault.KEY, Fault.QUOTA, Fault.REQUEST})


def test_how_long_to_wait_is_kept_whatever_the_status():
    for status in (429, 503):
        assert faults.by_status(SERVICE, status, "7").retry_after == 7


def test_a_refused_handshake_says_why():
    told = faults.by_exception(SERVICE, refused(400, b'{"err_msg": "x"}', dg_error="no such model", Retry_After="3"))
    assert "no such model" in str(told)
    assert told.retry_after == 3
    assert "out of sorts" in str(faults.by_exception(SERVICE, refused(500, b"out of sorts")))
    assert faults.by_exception(SERVICE, refused(500, b"\xff")).fault is Fault.SERVICE


def test_the_cause_of_an_error_counts():
    def wrapped() -> None:
        try:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "no")
        except OSError as error:
            raise RuntimeError("Connection error.") from error

    with pytest.raises(RuntimeError) as caught:
        wrapped()
    failed = faults.by_exception(SERVICE, caught.value)
    assert failed.fault is Fault.NETWORK
    assert str(failed) == "Deepgram cannot be reached: Connection refused."


def test_one_of_several_errors_counts_too():
    group = ExceptionGroup("all attempts", [ValueError("?"), ConnectionResetError(errno.ECONNRESET, "reset")])
    assert faults.by_exception(SERVICE, group).fault is Fault.NETWORK


def test_an_error_that_is_its_own_cause_is_looked_at_once():
    error = RuntimeError("round")
    error.__context__ = RuntimeError("and round")
    error.__context__.__context__ = error
    assert faults.by_exception(SERVICE, error).fault is Fault.SERVICE


def test_what_is_a_failure_already_stays_one():
    failed = StageFailed("As it is.", Fault.QUOTA)
    assert faults.by_exception(SERVICE, failed) is failed


def certificate(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "bad")
    error.verify_code, error.verify_message = code, "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "fault", "told"),
    [
        (socket.gaierror(socket.EAI_NONAME, "?"), Fault.NETWORK, "Deepgram's name is not found: is there a network?"),
        (OSError(errno.ENETUNREACH, "?"), Fault.NETWORK, "There is no network."),
        (OSError("Multiple exceptions: [Errno 101] x, [Errno 111] y"), Fault.NETWORK, "Connection refused"),
        (TimeoutError(), Fault.NETWORK, "Deepgram does not answer."),
        (TimeoutError(errno.ETIMEDOUT, "?"), Fault.NETWORK, "Connection timed out"),
        (certificate(9), Fault.NETWORK, "certificate is not valid yet; this device's clock says 20"),
        (certificate(10), Fault.NETWORK, "certificate is no longer valid; this device's clock says 20"),
        (certificate(18), Fault.NETWORK, "certificate is not trusted: self-signed certificate."),
        (ssl.SSLError(1, "wrong version number"), Fault.NETWORK, "is there a login page of this network"),
        (InvalidMessage("no HTTP"), Fault.NETWORK, "or is stt.deepgram.url another server's?"),
        (InvalidHeader("Upgrade", "h2"), Fault.SERVICE, "does not speak WebSocket: look at stt.deepgram.url."),
        (InvalidURI("x", "no scheme"), Fault.REQUEST, "stt.deepgram.url is no usable address: no scheme."),
        (InvalidProxy("x", "no port"), Fault.REQUEST, "this system's proxy is no usable address: no port."),
        (ProxyError("407"), Fault.NETWORK, "the proxy does not work: 407."),
        (ValueError("odd"), Fault.SERVICE, "Deepgram has a fault: ValueError odd."),
    ],
)
def test_an_exception(error, fault, told):
    failed = faults.by_exception(SERVICE, error)
    assert failed.fault is fault
    assert told in str(failed)


@pytest.mark.parametrize(
    ("closed", "fault", "told"),
    [
        (ConnectionClosedError(None, None), Fault.SERVICE, "Deepgram hung up."),
        (ConnectionClosedOK(Close(1000, ""), None), Fault.SERVICE, "Deepgram hung up."),
        (ConnectionClosedError(Close(1011, "NET-0001"), None), Fault.SERVICE, "Deepgram hung up: NET-0001."),
        (ConnectionClosedError(Close(1008, "not enough credits"), None), Fault.QUOTA, "billing page"),
        (ConnectionClosedError(None, Close(1011, "keepalive ping timeout")), Fault.STALLED, "has stopped answering"),
    ],
)
def test_a_line_that_ended(closed, fault, told):
    failed = faults.by_exception(SERVICE, closed)
    assert failed.fault is fault
    assert told in str(failed)


def test_an_error_in_a_stream():
    assert faults.by_words(SERVICE, "oops", "it broke").fault is Fault.SERVICE
    assert str(faults.by_words(SERVICE, "oops")) == "Deepgram has a fault: oops."
    assert faults.by_words(SERVICE, "bad_voice", "no such voice", Fault.REQUEST).fault is Fault.REQUEST
    assert faults.by_words(SERVICE, "insufficient_quota", "no", Fault.REQUEST).fault is Fault.QUOTA
    assert str(faults.by_words(SERVICE, "", "gone", Fault.NETWORK)) == "Deepgram cannot be reached: gone."


def test_what_cannot_be_read():
    failed = faults.unreadable(SERVICE, "a Turn without an order")
    assert failed.fault is Fault.SERVICE
    assert str(failed) == "Deepgram sends what cannot be read: a Turn without an order."


def test_the_key_is_kept_out_of_what_is_told():
    told = str(faults.by_status(SERVICE, 400, said=f"Incorrect key {KEY}\n\x1b[31m given." + " x" * 500))
    assert KEY not in told
    assert "Incorrect key *** [31m given" in told
    assert told.isprintable()
    assert len(told) < 300
    assert KEY not in repr(SERVICE)
    assert faults.Service("A", "b", "c").plain("as it is.") == "as it is"
