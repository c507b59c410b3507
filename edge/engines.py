"""Which engine answers, made ready to be plugged in. Only the chosen one's code is loaded."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import date

from edge.agents.none import NoAgent
from edge.config import Config, secret
from edge.errors import ConfigError
from edge.ports import Agent, Post
from edge.tools.toolbox import Toolbox

KEY = "openai_api_key"
NO_KEY = (
    f"engine.use names realtime, but there is no key: set OPENAI_API_KEY or the credential {KEY} "
    "(or realtime.url, for a server that wants none)."
)


def choose_engine(config: Config) -> str:
    """The first engine of `engine.use`; when it is empty, Realtime if there is a key for it, else the offline one."""
    if config.engine.use:
        return config.engine.use[0]
    return "realtime" if secret(KEY) else "local"


def engine(config: Config, post: Post, toolbox: Toolbox, closing: AsyncExitStack) -> Agent:
    """The chosen engine; what it leaves open but its own `close` is closed with `closing`."""
    name = choose_engine(config)
    if name == "none":
        return NoAgent(post)
    if name == "realtime":
        return _realtime(config, post, toolbox, closing)
    from edge.agents.local.setup import local_agent

    return local_agent(config.local, post, lambda: len(toolbox.timers.find()))


def _realtime(config: Config, post: Post, toolbox: Toolbox, closing: AsyncExitStack) -> Agent:
    from edge.agents.metered import Metered
    from edge.agents.realtime.setup import realtime_agent
    from edge.host.state import Purse, state_dir

    key = secret(KEY)
    if not key and not config.realtime.url:
        raise ConfigError([NO_KEY])
    purse = Purse(state_dir() / "spending.json")
    closing.callback(purse.close)
    budget = purse.load(config.budget.daily, config.budget.currency)
    return Metered(
        lambda report: realtime_agent(config, key, toolbox.registry.specs(), report), budget, post, purse.keep
    )


def warnings(config: Config, today: date) -> list[str]:
    """What the owner should know about the chosen engine, one line each."""
    if choose_engine(config) != "realtime":
        return []
    from edge.agents.realtime.setup import warnings as of_realtime

    return of_realtime(config, today)
