"""What no single key of the configuration can tell."""

from __future__ import annotations

import re
import string
from urllib.parse import urlsplit

from edge.config.channels import wrong_channels
from edge.config.checks_chained import wrong_chain
from edge.config.checks_panel import wrong_panel
from edge.config.checks_relay import wrong_relay
from edge.config.checks_server import wrong_server
from edge.config.merging import nearest, shown
from edge.config.schema import ENGINES, Config
from edge.config.wake import BUILT_IN


def wrong(config: Config) -> list[str]:
    """All mistakes that only the whole shows."""
    return [
        *wrong_channels(config.audio),
        *wrong_panel(config.panel),
        *_engines(config),
        *_zone(config),
        *_silences(config),
        *_realtime(config),
        *_mcp(config),
        *_shell(config),
        *wrong_chain(config),
        *wrong_relay(config.relay),
        *wrong_server(config.server),
        *_words(config),
        *_budget(config),
        *_insight(config),
    ]


def _engines(config: Config) -> list[str]:
    unknown = [name for name in config.engine.use if name not in ENGINES]
    return [f"engine.use: there is no engine {name!r}.{nearest(name, ENGINES)}" for name in unknown]


def _insight(config: Config) -> list[str]:
    url = config.insight.otlp
    if not url or _is_url(url, ("https", "http")):
        return []
    return [f"insight.otlp = {shown(url)} is no address; one looks like http://collector.example:4318."]


def _zone(config: Config) -> list[str]:
    zone = config.device.timezone
    if not zone or _is_zone(zone):
        return []
    return [f"device.timezone = {shown(zone)} is no time zone; one looks like Europe/Berlin."]


def _words(config: Config) -> list[str]:
    """A name, or a path; whether there is a file, whoever loads it will say."""
    named = {"wake.word": config.wake.word, "wake.stop_word": config.wake.stop_word}
    wrong_ones = {key: word for key, word in named.items() if word and word not in BUILT_IN and "." not in word}
    found = [
        f"{key} = {shown(word)} is no word that is built in, nor a .json file.{nearest(word, BUILT_IN)}"
        for key, word in wrong_ones.items()
    ]
    if config.wake.word and config.wake.word == config.wake.stop_word:
        found.append("wake.word and wake.stop_word are the same; one word cannot do both.")
    return found


def _budget(config: Config) -> list[str]:
    budget = config.budget
    if budget.daily and budget.warn >= budget.daily:
        return ["budget.warn must be less than budget.daily: at the latter nothing more is spent."]
    return []


def _silences(config: Config) -> list[str]:
    if config.conversation.eager_silence_ms < config.conversation.end_silence_ms:
        return []
    return ["conversation.eager_silence_ms must be less than conversation.end_silence_ms."]


def _realtime(config: Config) -> list[str]:
    found, realtime = [], config.realtime
    if realtime.url and not _is_url(realtime.url, ("wss", "ws")):
        found.append(
            f"realtime.url = {shown(realtime.url)} is no address; one looks like wss://example.com/v1/realtime."
        )
    if realtime.max_context_tokens and not realtime.retention:
        found.append("realtime.max_context_tokens needs realtime.retention: how much of it is kept.")
    return found


def _mcp(config: Config) -> list[str]:
    found = []
    for name, server in config.mcp.items():
        # It is the vendor's label of the server, and part of a credential's file name.
        if not re.fullmatch("[A-Za-z][A-Za-z0-9_-]{0,63}", name):
            found.append(f"mcp: a name begins with a letter and has letters, digits, - and _ only; not {shown(name)}.")
        if bool(server.url) + bool(server.connector_id) + bool(server.command) != 1:
            found.append(f"mcp.{name} needs either a url, a command or a connector_id.")
        elif (server.here or server.confirm) and server.connector_id:
            found.append(f"mcp.{name}: the vendor calls a connector, so here and confirm cannot be.")
        elif server.confirm and server.url and not server.here:
            found.append(f"mcp.{name}.confirm needs here = true: else the vendor calls its tools, and asks nobody.")
        elif server.url and not _is_url(server.url, ("https", "http")):
            found.append(f"mcp.{name}.url = {shown(server.url)} is no address; one looks like https://example.com/mcp.")
    return found


def _shell(config: Config) -> list[str]:
    found = []
    for name, shell in config.shell.items():
        if not re.fullmatch("[A-Za-z][A-Za-z0-9_-]{0,63}", name):
            found.append(
                f"shell: a name begins with a letter and has letters, digits, - and _ only; not {shown(name)}."
            )
        if not shell.command or not shell.command[0].startswith("/"):
            found.append(f'shell.{name}.command must begin with the whole path of a program: ["/usr/bin/uptime"].')
            continue
        try:
            named = {
                one for word in shell.command for _, one, _, _ in string.Formatter().parse(word) if one is not None
            }
        except ValueError as error:
            found.append(f"shell.{name}.command: {error}; write {{{{ for a bracket that is meant.")
            continue
        if odd := [one for one in named if not one.isidentifier()]:
            found.append(f"shell.{name}.command: {{{odd[0]}}} is no argument's name; one looks like {{room}}.")
        if "{" in shell.command[0]:
            found.append(f"shell.{name}.command: the program itself cannot be an argument.")
        strays = [one for one in shell.choices if one.partition("=")[0] not in named or not one.partition("=")[2]]
        found += [
            f'shell.{name}.choices: {shown(one)} is none of an argument; one looks like "room=hall".' for one in strays
        ]
    return found


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname)


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return True
