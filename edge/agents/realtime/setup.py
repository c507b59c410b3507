"""From the configuration to a RealtimeAgent: address, key, session settings, options; and what to warn of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Literal, cast
from urllib.parse import parse_qs, urlencode, urlsplit

from edge.agents.realtime import models, session
from edge.agents.realtime.client import RealtimeAgent
from edge.agents.realtime.line import Address
from edge.agents.realtime.options import Options, nothing
from edge.config import Config, Mcp, Realtime, secret
from edge.core.history import History
from edge.core.languages import instructions
from edge.ports import Post

VENDOR = "wss://api.openai.com/v1/realtime"
AZURE = ".openai.azure.com"
# A second of speech is three tokens of text, ten of a person's sound and twenty of the model's: together with the
# words about five times as much. Half of it goes at once, for what begins otherwise is read anew, at the full price.
SOUND, KEPT = 5, 0.5

Eagerness = Literal["low", "medium", "high", "auto"]
Secret = Callable[[str], str]
Specs = Sequence[Mapping[str, Any]]


def realtime_agent(  # noqa: PLR0913, PLR0917  what it is, and what it is told
    config: Config, key: str, tools: Specs, post: Post, bearer: Callable[[], str] | None = None,
    history: History | None = None, told: Callable[[int], str] = nothing, trace: Callable[[int], str] = nothing,
) -> RealtimeAgent:  # fmt: skip
    """The engine as configured; `tools` as function calling describes them (Registry.specs).

    `bearer`, in place of a key, gives the relay's token of the moment; for `history`, `told` and `trace` see Options.
    """
    where = replace(address(config.realtime, key), bearer=bearer)
    beside = replace(options(config), history=history, told=told, trace=trace)
    return RealtimeAgent(where, settings(config, tools), post, beside)


def address(config: Realtime, key: str) -> Address:
    """Where the sessions are. Without a key no credentials are sent: a relay or an own server may want none."""
    url = config.url or VENDOR
    parts = urlsplit(url)
    if "model" not in parse_qs(parts.query):
        url += ("&" if parts.query else "?") + urlencode({"model": config.model})
    if not key:
        return Address(url)
    azure = (parts.hostname or "").endswith(AZURE)
    return Address(url, {"api-key": key} if azure else {"Authorization": f"Bearer {key}"})


def model_of(config: Realtime) -> str:
    """The model that answers: one named in the URL wins over realtime.model."""
    in_url = parse_qs(urlsplit(config.url).query).get("model")
    return in_url[0] if in_url else config.model


def settings(config: Config, tools: Specs, secret_of: Secret = secret) -> session.Settings:
    """The session; only what the model is not known to refuse. The MCP servers' credentials come from `secret_of`."""
    realtime = config.realtime
    reasons = models.reasons(model_of(realtime))
    ours = [session.FunctionTool(tool["name"], tool["description"], tool["parameters"]) for tool in tools]
    remote = [_mcp_server(name, server, secret_of) for name, server in config.mcp.items() if server.remote]
    return session.Settings(
        instructions=instructions(realtime.instructions, config.device.language),
        voice=realtime.voice,
        speed=realtime.speed,
        turns=_turns(realtime),
        noise=cast("session.Noise", realtime.noise),
        transcription=_transcription(realtime),
        effort=cast("session.Effort", realtime.effort) if realtime.effort and reasons is not False else None,
        parallel_tool_calls=_parallel(realtime, reasons),
        tools=(*ours, *remote),
        truncation=_truncation(realtime, config.memory.context_tokens),
        max_output_tokens=realtime.max_output_tokens or None,
    )


def _turns(config: Realtime) -> session.Turns:
    """None is push-to-talk for the server: the device ends the turns. Interrupting is the device's in any case."""
    if config.turns == "server":
        return session.ServerVad(config.threshold, silence_duration_ms=config.silence_ms, interrupt_response=False)
    if config.turns == "semantic":
        return session.SemanticVad(cast("Eagerness", config.eagerness), interrupt_response=False)
    return None


def _transcription(config: Realtime) -> session.Transcription | None:
    model = config.transcription
    if not model:
        return None
    keywords = config.keywords if models.takes_keywords(model) else ()
    return session.Transcription(model, config.language, config.prompt if models.takes_prompt(model) else "", keywords)


def _parallel(config: Realtime, reasons: bool | None) -> bool | None:
    """A model of which nothing is known is told only what differs from the default."""
    told = reasons if reasons is not None else not config.parallel_tools
    return config.parallel_tools if told else None


def _truncation(config: Realtime, context_tokens: int) -> session.Truncation | None:
    if config.retention:
        return session.RetentionRatio(config.retention, config.max_context_tokens or None)
    if config.url:  # another server may not know it
        return None
    return session.RetentionRatio(KEPT, context_tokens * SOUND)


def _mcp_server(name: str, config: Mcp, secret_of: Secret) -> session.McpServer:
    return session.McpServer(
        name,
        url=config.url,
        connector_id=config.connector_id,
        description=config.description,
        authorization=secret_of(f"mcp_{name}"),
        allowed_tools=config.allowed_tools or None,
    )


def options(config: Config) -> Options:
    """What the client is told beside the session."""
    realtime = config.realtime
    return Options(
        price=config.prices.get(model_of(realtime)),
        cold=realtime.connection == "cold",
        idle_s=realtime.idle_s,
        currency=config.budget.currency,
        heard=config.prices.get(realtime.transcription),
    )


def warnings(config: Config, today: date) -> list[str]:
    """What of [realtime] has no effect, or has none soon: for the owner, one line each."""
    realtime, model = config.realtime, model_of(config.realtime)
    heard = realtime.transcription
    said = [models.warning(model, today), models.warning(heard, today)]
    if realtime.effort and models.reasons(model) is False:
        said.append(f"realtime.effort is not sent: model {model} does not take it")
    if heard and realtime.keywords and not models.takes_keywords(heard):
        said.append(f"realtime.keywords are not sent: model {heard} is not known to take them")
    if heard and realtime.prompt and not models.takes_prompt(heard):
        said.append(f"realtime.prompt is not sent: model {heard} does not take one")
    unknown = [name for name in (model, heard) if name and name not in config.prices] if config.budget.daily else []
    said += [f'budget.daily does not count model {name}: give its price in [prices."{name}"]' for name in unknown]
    return [line for line in said if line]
