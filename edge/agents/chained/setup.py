"""From the configuration to a ChainedAgent: who hears, thinks and speaks, with which keys; and what to warn of."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies

from edge.agents.chained import lifecycle, llm, stt, tts
from edge.agents.chained.answering import Settings
from edge.agents.chained.client import ChainedAgent, Stages
from edge.agents.chained.pipeline import Judge, Pipeline
from edge.agents.chained.ranked import RankedMind, RankedTranscriber, RankedVoice
from edge.agents.chained.reach import Place, Reach
from edge.config import Config, Llm, Stt, Tts, secret
from edge.core.chain import ToolSpec
from edge.core.events import AgentWarned
from edge.core.history import History
from edge.core.languages import instructions
from edge.errors import ConfigError
from edge.ports import Mind, Post, Transcriber, Voice

LOCAL = "local"
HOSTS = {
    "deepgram": "api.deepgram.com", "assemblyai": "streaming.assemblyai.com", "openai": "api.openai.com",
    "chat": "api.openai.com", "claude": "api.anthropic.com", "gemini": "generativelanguage.googleapis.com",
    "elevenlabs": "api.elevenlabs.io", "realtime": "api.openai.com",
}  # fmt: skip
PACKAGES = {  # the vendors' own clients, and the extra that brings them; the others need none
    ("stt", "deepgram"): ("deepgram", "cloud"),
    ("llm", "openai"): ("openai", "cloud"),
    ("llm", "chat"): ("openai", "cloud"),
    ("llm", "claude"): ("anthropic", "claude"),
    ("llm", "gemini"): ("google.genai", "gemini"),
    ("tts", "openai"): ("openai", "cloud"),
}
PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}
# Without chained.stt, chained.llm and chained.tts: these, where their keys are there, best first.
PREFERRED = {
    "stt": ("deepgram", "assemblyai", "openai"),
    "llm": ("openai", "claude", "gemini"),
    "tts": ("elevenlabs", "openai"),
}

Entry = Stt | Llm | Tts


class Local(Protocol):
    """The offline engine's stages."""

    @property
    def transcriber(self) -> Transcriber:
        """Who hears."""

    @property
    def mind(self) -> Mind:
        """Who thinks."""

    @property
    def voice(self) -> Voice:
        """Who speaks."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What the engine is given beside the configuration. `local`: None where the offline engine cannot run."""

    tools: Sequence[Mapping[str, Any]] = ()
    history: History = field(default_factory=History)
    told: Callable[[int], str] = lambda _: ""
    judge: Judge | None = None
    local: Callable[[], Local] | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of a stage's order, with its kind and key."""

    stage: str  # stt, llm, tts
    name: str
    kind: str
    entry: Entry
    key: str

    @property
    def credential(self) -> str:
        """Where the key is looked for beside NAME_api_key."""
        return _CREDENTIALS[self.stage].get(self.kind, f"{self.kind}_api_key")

    @property
    def place(self) -> Place | None:
        """Where it is reached; None when it is this device or behind a proxy."""
        if self.kind == LOCAL or getproxies().get("https"):
            return None
        url = urlsplit(self.entry.url)
        return (url.hostname or HOSTS[self.kind], url.port or PORTS.get(url.scheme, 443))


_EMPTY: dict[str, Entry] = {"stt": Stt(), "llm": Llm(), "tts": Tts()}
_CREDENTIALS: dict[str, Mapping[str, str]] = {"stt": stt.CREDENTIALS, "llm": llm.CREDENTIALS, "tts": tts.CREDENTIALS}


def services(config: Config, stage: str, *, local: bool) -> list[Service]:
    """Those of one stage in order; worked out from the keys when none are named."""
    named: tuple[str, ...] = getattr(config.chained, stage)
    if named:
        return [_service(config, stage, name) for name in named]
    found = [_service(config, stage, name) for name in PREFERRED[stage]]
    there = [service for service in found if service.key]
    return [*there, _service(config, stage, LOCAL)] if local else there


def _service(config: Config, stage: str, name: str) -> Service:
    entry: Entry = getattr(config, stage).get(name) or _EMPTY[stage]
    if not isinstance(entry, Llm) and not entry.language:
        entry = replace(entry, language=config.chained.language)
    kind = entry.kind or name
    service = Service(stage, name, kind, entry, secret(f"{name}_api_key"))
    return service if service.key else replace(service, key=secret(service.credential))


def missing(config: Config, *, local: bool) -> list[str]:
    """What keeps the engine from being made, one line each."""
    problems = []
    for stage, what in (("stt", "hears"), ("llm", "thinks"), ("tts", "speaks")):
        found = services(config, stage, local=local)
        if not found:
            names = ", ".join(PREFERRED[stage])
            problems.append(f"engine.use names chained, but nobody {what}: set a key for one of {names}, "
                            f"or get the offline models (edge-voice models fetch).")  # fmt: skip
        problems += [_no_key(service) for service in found if _needs_key(service) and not service.key]
        problems += [line for line in map(_not_installed, found) if line]
        if not local and any(service.kind == LOCAL for service in found):
            problems.append(f"chained.{stage} names local, but the offline engine is not installed: "
                            "edge-voice models fetch")  # fmt: skip
    return problems


def _not_installed(service: Service) -> str:
    package, extra = PACKAGES.get((service.stage, service.kind), ("", ""))
    if not package or importlib.util.find_spec(package.partition(".")[0]) is not None:
        return ""
    return f"chained.{service.stage} names {service.name}, whose package is missing: install edge-voice[{extra}]."


def _needs_key(service: Service) -> bool:
    """An own server may want none."""
    return service.kind != LOCAL and not service.entry.url


def _no_key(service: Service) -> str:
    credential = service.credential
    return (
        f"chained.{service.stage} names {service.name}, but there is no key: "
        f"set {credential.upper()} or the credential {credential}."
    )


def chained_agent(config: Config, post: Post, beside: Beside) -> ChainedAgent:
    """The engine as configured; raises ConfigError when a stage has nobody."""
    problems = missing(config, local=beside.local is not None)
    if problems:
        raise ConfigError(problems)
    orders = [services(config, stage, local=beside.local is not None) for stage in ("stt", "llm", "tts")]
    stages = _stages(config, orders, post, beside)
    tools = tuple(ToolSpec(tool["name"], tool["description"], tool["parameters"]) for tool in beside.tools)
    told = instructions(config.chained.instructions, config.device.language, spoken_text=True)
    pipeline = Pipeline(beside.history, Settings(told, tools, told=beside.told), beside.judge)
    reach = Reach([[service.place for service in order] for order in orders])
    return ChainedAgent(stages, pipeline, post, reach, config.prices)


def stage(service: Service) -> Any:
    """The Transcriber, Mind or Voice of a vendor, as configured. Nothing is connected yet."""
    make: dict[str, Callable[[str, Any, str], Any]] = {
        "stt": stt.transcriber, "llm": llm.mind, "tts": tts.voice
    }  # fmt: skip
    return make[service.stage](service.name, service.entry, service.key)


def _stages(config: Config, orders: list[list[Service]], post: Post, beside: Beside) -> Stages:
    def warn(message: str) -> None:
        post(AgentWarned(message))

    offline: list[Local] = []

    def local() -> Local:
        if not offline:
            assert beside.local is not None  # `missing` has looked
            offline.append(beside.local())
        return offline[0]

    def made(order: list[Service], own: Callable[[Local], Any]) -> list[Any]:
        return [own(local()) if service.kind == LOCAL else stage(service) for service in order]

    hear = made(orders[0], lambda there: there.transcriber)
    think = made(orders[1], lambda there: there.mind)
    speak = made(orders[2], lambda there: there.voice)
    stall_s = config.chained.stall_s
    return Stages(
        RankedTranscriber(hear, stall_s, warn, time.monotonic),
        RankedMind(think, stall_s, warn, time.monotonic),
        RankedVoice(speak, stall_s, warn, time.monotonic),
    )


def warnings(config: Config, today: date, *, local: bool) -> list[str]:
    """Of models that go, and of prices that the budget lacks, one line each."""
    said = []
    for stage, of in (("stt", stt), ("llm", llm), ("tts", tts)):
        for service in services(config, stage, local=local):
            if service.kind != LOCAL:
                model = of.model(service.name, service.entry)
                said.append(lifecycle.warning(model, today))
                if config.budget.daily and model not in config.prices:
                    said.append(f'budget.daily does not count model {model}: give its price in [prices."{model}"]')
    return list(dict.fromkeys(line for line in said if line))
