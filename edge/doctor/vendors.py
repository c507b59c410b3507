"""`doctor --engines`: each configured service is really used, once and briefly. That costs a fraction of a cent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from functools import partial
from typing import Any

from edge.agents.chained.setup import LOCAL, Service, services, stage
from edge.agents.local.setup import problem
from edge.config import Config, secret
from edge.core.chain import RATE, Fault, Heard, Message, Request, Role, Sound, StageFailed, Standing
from edge.doctor.checks import Check, Result, Results, fail, skipped, warn, well
from edge.doctor.site import Site
from edge.engines import KEY, order
from edge.errors import AgentError, ConfigError

LIMIT_S = 20.0
ASK_S = 15.0
SLOW_S = 1.5  # until the first byte: slower than this, the person waits noticeably
STUCK = "Is there a network? Try again; if it stays, ask the vendor's status page."


def checks(site: Site) -> list[Check]:
    """One for each service of the engines in the order."""
    if site.config is None:
        return []
    try:
        names = order(site.config)
        found = _realtime(site.config) if "realtime" in names else []
        found += _chained(site.config) if "chained" in names else []
    except ConfigError:  # the check of the engine tells that
        return []
    nothing = "None of the engines in the order is a vendor's."
    return found or [Check("vendors", lambda: [skipped(nothing)])]


def _chained(config: Config) -> list[Check]:
    offline = not problem(config.local)
    every = [service for kind in ("stt", "llm", "tts") for service in services(config, kind, local=offline)]
    return [
        Check(f"{service.stage} {service.name}", partial(_check, service), stuck=STUCK, limit_s=LIMIT_S)
        for service in every
        if service.kind != LOCAL
    ]


def _check(service: Service) -> Results:
    if not service.key and not service.entry.url:
        names = f"{service.credential.upper()} or the credential {service.credential}"
        return [fail("There is no key for it.", f"Set {names}.")]
    return [_timed(_used(service))]


def _timed(work: Coroutine[Any, Any, float]) -> Result:
    """`work` gives the seconds until the first byte; all it may raise is in words."""

    async def limited() -> float:
        async with asyncio.timeout(ASK_S):
            return await work

    try:
        took = asyncio.run(limited())
    except AgentError as error:
        said, _, todo = str(error).partition(": ")
        return fail(said if said.endswith(".") else f"{said}.", todo)
    except TimeoutError:
        return fail(f"No answer within {ASK_S:.0f} s.", STUCK)
    found = f"It answers; first byte after {took * 1000:.0f} ms."
    if took > SLOW_S:
        return warn(found, "That is slow: a nearer region or another service would be quicker.")
    return well(found)


async def _used(service: Service) -> float:
    used = stage(service)
    try:
        return await first_byte(service.stage, used)
    finally:
        await used.close()


async def first_byte(what: str, used: Any) -> float:
    """Seconds that a Transcriber (stt), Mind (llm) or Voice (tts) takes for a little work, until the first of it."""
    return await _FIRST[what](used)


async def _ears(ears: Any) -> float:
    """From the end of a second of silence to the transcript of nothing."""
    asked = 0.0

    async def silence() -> AsyncIterator[bytes]:
        nonlocal asked
        for _ in range(50):
            yield bytes(RATE // 50 * 2)
            await asyncio.sleep(0.02)
        asked = time.monotonic()

    await _first(ears.hear(silence()), lambda item: isinstance(item, Heard) and item.standing is Standing.OVER)
    return time.monotonic() - asked if asked else 0.0


async def _mind(mind: Any) -> float:
    asked = time.monotonic()
    request = Request((Message(Role.USER, "Say hello."),), "Answer in one word.")
    await _first(mind.think(request), lambda item: isinstance(item, str))
    return time.monotonic() - asked


async def _voice(voice: Any) -> float:
    async def hello() -> AsyncIterator[str]:
        yield "Hello."

    asked = time.monotonic()
    await _first(voice.speak(hello()), lambda item: isinstance(item, Sound))
    return time.monotonic() - asked


_FIRST = {"stt": _ears, "llm": _mind, "tts": _voice}


async def _first(items: AsyncGenerator[Any], wanted: Callable[[Any], bool]) -> None:
    async with aclosing(items):
        async for item in items:
            if wanted(item):
                return
    raise StageFailed("It has answered with nothing.", Fault.SERVICE)


def _realtime(config: Config) -> list[Check]:
    key = secret(KEY)
    return [Check("realtime", partial(_session, config, key), stuck=STUCK, limit_s=LIMIT_S)]


def _session(config: Config, key: str) -> Results:
    from edge.agents.realtime import session
    from edge.agents.realtime.line import Line
    from edge.agents.realtime.setup import address, settings

    if not key and not config.realtime.url:
        return [fail("There is no key for it.", f"Set OPENAI_API_KEY or the credential {KEY}.")]

    async def open_and_close() -> float:
        asked = time.monotonic()
        line = await Line.open(address(config.realtime, key), session.build(settings(config, ())))
        took = time.monotonic() - asked
        line.hang_up()
        return took

    return [_timed(open_and_close())]
