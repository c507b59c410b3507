"""Which engines answer, made ready to be plugged in. Only the code of those in the order is loaded."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import date

from edge.agents.none import NoAgent
from edge.config import Config, secret
from edge.config.machine import memory_available_mb
from edge.config.web import origin_of
from edge.core.languages import ENGLISH, LANGUAGES
from edge.errors import ConfigError
from edge.memory import Memory
from edge.ports import Agent, Post
from edge.tools.toolbox import Toolbox

KEY = "openai_api_key"
NO_KEY = (
    f"engine.use names realtime, but there is no key: set OPENAI_API_KEY or the credential {KEY} "
    "(or realtime.url, for a server that wants none)."
)
# Keys whose owner means them for the chained engine; OpenAI's is for Realtime first.
CHAINED_KEYS = (
    "deepgram_api_key", "assemblyai_api_key", "anthropic_api_key", "gemini_api_key", "elevenlabs_api_key"
)  # fmt: skip
ENOUGH_MB = 2500  # of free memory: the offline engine takes 1 GB with its language model
PAID = frozenset({"realtime", "chained"})

Make = Callable[[Post], Agent]
Trace = Callable[[int], str]


def order(config: Config) -> tuple[str, ...]:
    """The engines in order of preference: `engine.use`, or by the keys that are there, the offline one last."""
    if config.engine.use:
        return tuple(dict.fromkeys(config.engine.use))
    found = ["realtime"] if secret(KEY) or by_relay(config) else []
    if any(secret(key) for key in CHAINED_KEYS) and not _unchained(config):
        found.append("chained")
    if not found or _offline(config):
        found.append("local")
    return tuple(found)


def choose_engine(config: Config) -> str:
    """The engine that is asked first."""
    return order(config)[0]


def spoken_language(config: Config) -> str:
    """What the device itself has said by the engine that is asked first: the offline voice speaks English only."""
    return ENGLISH if choose_engine(config) == "local" else config.device.language


def by_relay(config: Config) -> bool:
    """Whether Realtime is had from the relay that this device is linked to, which needs no vendor's key here."""
    from edge.config.places import state_dir
    from edge.host.link_home import Home

    relay, realtime = Home(state_dir(), config.relay.url).url, config.realtime.url
    return bool(relay) and bool(realtime) and origin_of(realtime.replace("ws", "http", 1)) == origin_of(relay)


def engine(  # noqa: PLR0913, PLR0917  what either engine needs
    config: Config, post: Post, toolbox: Toolbox, closing: AsyncExitStack, bearer: Callable[[], str] | None = None,
    memory: Memory | None = None, trace: Trace = lambda _: "",
) -> Agent:  # fmt: skip
    """The engines as one; what they leave open but their own `close` is closed with `closing`.

    `bearer` gives the relay's token for this device, "" while there is none. Without a `memory`, nothing is kept.
    `trace` gives a turn's trace id.
    """
    names = order(config)
    memory = memory or Memory(config, keeps=False)
    makers: list[Make] = []
    paid = [name for name in names if name in PAID]
    for name in names:
        if name not in PAID:
            makers.append(_free(name, config, toolbox, memory))
        elif name == paid[0]:  # what costs money stands together, before one purse
            makers.append(_metered(config, paid, toolbox, memory, closing, bearer, trace))
    return _in_order(makers, config, post, warm="local" in names[1:] and _warm(config))


def _in_order(makers: list[Make], config: Config, post: Post, *, warm: bool = False) -> Agent:
    if len(makers) == 1:
        return makers[0](post)
    from edge.agents.failover import Failover

    return Failover(makers, post, time.monotonic, config.engine.stall_s, warm=warm)


def _warm(config: Config) -> bool:
    """Whether the offline engine has its models loaded all the time: an answer after 3 s and not 6, for 1 GB."""
    if config.engine.spare != "auto":
        return config.engine.spare == "warm"
    return "local" in config.engine.use and memory_available_mb() >= ENOUGH_MB


def _free(name: str, config: Config, toolbox: Toolbox, memory: Memory) -> Make:
    if name == "none":
        return NoAgent
    from edge.agents.local.setup import local_agent

    told = memory.told if memory.remembers else None
    return lambda post: local_agent(config.local, post, lambda: len(toolbox.timers.find()), memory.history, told)


def _metered(  # noqa: PLR0913, PLR0917  what either engine needs
    config: Config, names: list[str], toolbox: Toolbox, memory: Memory, closing: AsyncExitStack,
    bearer: Callable[[], str] | None, trace: Trace,
) -> Make:  # fmt: skip
    from edge.agents.metered import Metered
    from edge.config.places import state_dir, volatile_dir
    from edge.host.state import Purse

    made = {"realtime": lambda: _realtime(config, toolbox, memory, bearer, trace),
            "chained": lambda: _chained(config, toolbox, memory)}  # fmt: skip
    makers = [made[name]() for name in names]
    volatile = volatile_dir()
    purse = Purse(state_dir() / "spending.json", None if volatile is None else volatile / "spending.json")
    closing.callback(purse.close)
    budget = purse.load(config.budget.daily, config.budget.currency)
    budget.warn, budget.aloud = config.budget.warn, config.budget.aloud
    return lambda post: Metered(lambda report: _in_order(makers, config, report), budget, post, purse.keep)


def _realtime(config: Config, toolbox: Toolbox, memory: Memory, bearer: Callable[[], str] | None, trace: Trace) -> Make:
    from edge.agents.realtime.setup import realtime_agent

    key = secret(KEY)
    if not key and not config.realtime.url:
        raise ConfigError([NO_KEY])
    by_token = bearer if not key and by_relay(config) else None
    own = memory.history
    return lambda post: realtime_agent(config, key, toolbox.registry.specs(), post, by_token, own, memory.told, trace)


def _chained(config: Config, toolbox: Toolbox, memory: Memory) -> Make:
    from edge.agents.chained.setup import Beside, chained_agent, missing
    from edge.agents.local.setup import local_stages

    offline = _offline(config)
    problems = missing(config, local=offline)
    if problems:
        raise ConfigError(problems)
    beside = Beside(
        tools=toolbox.registry.specs(), history=memory.history, told=memory.told, judge=_judge(config, toolbox),
        local=(lambda: local_stages(config.local)) if offline else None,
    )  # fmt: skip
    return lambda post: chained_agent(config, post, beside)


def _judge(config: Config, toolbox: Toolbox) -> Callable[[str], float] | None:
    """Whether words are all of a turn can be told of English."""
    if config.chained.language not in {"", "en"}:
        return None
    from edge.agents.local.understanding.completeness import judged
    from edge.agents.local.understanding.intents import Context

    return lambda words: judged(words, Context("", len(toolbox.timers.find())))


def _offline(config: Config) -> bool:
    from edge.agents.local.setup import problem

    return not problem(config.local)


def _unchained(config: Config) -> list[str]:
    from edge.agents.chained.setup import missing

    return missing(config, local=_offline(config))


def warnings(config: Config, today: date) -> list[str]:
    """What the owner should know about the engines in the order, one line each."""
    said: list[str] = []
    names = order(config)
    if "local" in names and config.device.language != ENGLISH:
        said.append(LANGUAGES[config.device.language].offline.rstrip("."))
    if "realtime" in names:
        from edge.agents.realtime.setup import warnings as of_realtime

        said += of_realtime(config, today)
    if "chained" in names:
        from edge.agents.chained.setup import warnings as of_chained

        said += of_chained(config, today, local=_offline(config))
    return said
