"""What each engine's own words about its failures lead to: the sentence that the person hears."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from datetime import date
from pathlib import Path

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidMessage, InvalidStatus, InvalidURI
from websockets.http11 import Response

from edge.agents.chained import faults
from edge.agents.chained.client import UNREACHABLE
from edge.agents.local import setup
from edge.agents.metered import Metered
from edge.agents.none import NoAgent
from edge.agents.realtime.failures import ApiError
from edge.agents.realtime.refusal import denial, refusal
from edge.config import Local
from edge.core.budget import Budget
from edge.core.events import AgentLost, Event
from edge.core.reports import Problem, problem_of

SERVICE = faults.Service("Deepgram", "stt.deepgram", "deepgram_api_key")


def status(code: int) -> InvalidStatus:
    return InvalidStatus(Response(code, "", Headers(), b""))


def expired(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "bad")
    error.verify_code, error.verify_message = code, "self-signed certificate"
    return error


NETWORK = [
    (socket.gaierror(-2, "Name or service not known"), Problem.NO_INTERNET),
    (OSError(errno.ENETUNREACH, "Network is unreachable"), Problem.NO_INTERNET),
    (OSError(errno.ECONNREFUSED, "Connection refused"), Problem.NO_INTERNET),
    (InvalidMessage("did not receive a valid HTTP response"), Problem.NO_INTERNET),  # a login page, perhaps
    (status(511), Problem.NO_INTERNET),
    (status(401), Problem.KEY),
    (status(403), Problem.KEY),
    (status(404), Problem.SETUP),
    (status(429), Problem.NO_SERVICE),
    (status(503), Problem.NO_SERVICE),
    (expired(18), Problem.NO_SERVICE),
    (InvalidURI("x", "isn't a valid URI"), Problem.SETUP),
]


@pytest.mark.parametrize(("error", "problem"), NETWORK)
def test_the_realtime_engines_words(error: Exception, problem: Problem) -> None:
    refused = refusal(error)
    assert problem_of(str(refused), retryable=refused.retryable) is problem


@pytest.mark.parametrize(("error", "problem"), NETWORK)
def test_the_chained_engines_words(error: Exception, problem: Problem) -> None:
    assert problem_of(str(faults.by_exception(SERVICE, error))) is problem


def test_the_accounts_money() -> None:
    assert problem_of(str(denial(ApiError(code="insufficient_quota")))) is Problem.ACCOUNT
    assert problem_of(str(faults.by_words(SERVICE, "insufficient_quota"))) is Problem.ACCOUNT
    assert problem_of(str(faults.by_status(SERVICE, 402))) is Problem.ACCOUNT


def test_a_service_that_falls_silent() -> None:
    assert problem_of(str(faults.stalled(SERVICE))) is Problem.NO_SERVICE
    assert problem_of(UNREACHABLE) is Problem.NO_INTERNET


def test_the_owners_budget() -> None:
    told: list[Event] = []

    async def main() -> None:
        spent = Budget(1.0, "EUR", date(2026, 11, 23), 2.0)
        metered = Metered(NoAgent, spent, told.append, lambda _: None, lambda: date(2026, 11, 23))
        await metered.open()
        metered.connect()
        await metered.close()

    asyncio.run(main())
    [*_, lost] = told
    assert isinstance(lost, AgentLost)
    assert problem_of(lost.message, retryable=lost.retryable) is Problem.BUDGET


def test_the_offline_engine_without_its_models(tmp_path: Path) -> None:
    assert problem_of(setup.problem(Local(models_dir=str(tmp_path))), retryable=False) is Problem.SETUP
