"""Every key there is: that it has a meaning and sound limits, and can be set from everywhere."""

from __future__ import annotations

from dataclasses import Field, FrozenInstanceError, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

import edge.config
from edge.config import PRICES, Config, Price, Realtime, load
from edge.config.schema import SECTIONS, TABLES
from edge.errors import ConfigError

Key = tuple[str, Field[Any]]  # the section's path, "mcp.x" for an entry, and the key
KEYS: list[Key] = [(section, key) for section, kind in SECTIONS.items() for key in fields(kind)]
KEYS += [(f"{table}.x", key) for table, kind in TABLES.items() for key in fields(kind)]
NUMBERS = [(path, key) for path, key in KEYS if key.metadata["low"] is not None]
CHOICES = [(path, key) for path, key in KEYS if key.metadata["choices"]]
ALONE = {  # what some keys need beside them, or must not be
    "device.timezone": 'device.timezone = "UTC"',
    "audio.array": 'audio.array = "plain"',
    "audio.positions_mm": "audio.microphones = 1",
    "engine.use": 'engine.use = ["local"]',
    "realtime.url": 'realtime.url = "ws://a.example"',
    "realtime.max_context_tokens": "realtime.retention = 0.5",
    "conversation.eager_silence_ms": "conversation.end_silence_ms = 5000",
    "conversation.end_silence_ms": "conversation.eager_silence_ms = 199",
    "panel.active_high": 'panel.pull = "none"',
    "panel.night_from": 'panel.night_to = "07:00"',
    "panel.night_to": 'panel.night_from = "21:00"',
    "chained.stt": 'chained.stt = ["local"]',
    "chained.llm": 'chained.llm = ["local"]',
    "chained.tts": 'chained.tts = ["local"]',
    **{f"{table}.x": f'{table}.x.kind = "openai"' for table in ("stt", "llm", "tts")},
    **{f"{table}.x.kind": f'{table}.x.kind = "openai"' for table in ("stt", "llm", "tts")},
    "server.workers": 'server.redis = "redis://a.example"',
    "server.tls_cert": 'server.tls_key = "key.pem"',
    "server.tls_key": 'server.tls_cert = "cert.pem"',
    "mcp.x.url": "",
    "mcp.x.connector_id": "",
    "mcp.x.command": "",
    "mcp.x.confirm": 'mcp.x.url = "http://a.example"\nmcp.x.here = true',
    "shell.x": 'shell.x.command = ["/bin/echo", "{room}"]',
    "shell.x.command": "",
    "mcp.x": 'mcp.x.url = "http://a.example"',
}


def named(keys: list[Key]) -> Any:
    return pytest.mark.parametrize(("path", "key"), keys, ids=[f"{path}.{key.name}" for path, key in keys])


def beside(path: str, key: Field[Any]) -> str:
    return ALONE.get(f"{path}.{key.name}", ALONE.get(path, ""))


def value_of(config: Config, path: str, key: Field[Any]) -> Any:
    section, _, entry = path.partition(".")
    struct = getattr(config, section)
    return getattr(struct[entry] if entry else struct, key.name)


def given(tmp_path: Path, path: str, key: Field[Any], text: str) -> Any:
    """What the key is after the file says so."""
    other = beside(path, key)
    lines = [f"{path}.{key.name} = {text}", "" if other.startswith(f"{path}.{key.name} ") else other]
    (tmp_path / "c.toml").write_text("\n".join(lines))
    return value_of(load(tmp_path / "c.toml", {}), path, key)


def other_than_default(key: Field[Any]) -> tuple[str, Any]:
    """As a variable says it, and what it is then."""
    limits, default = key.metadata, key.default
    if limits["choices"]:
        choice = next(choice for choice in reversed(limits["choices"]) if choice != default)
        return choice, choice
    if isinstance(default, bool):
        return str(not default), not default
    if isinstance(default, (int, float)):
        number = type(default)(limits["high"] if limits["high"] != default else limits["low"])
        return str(number), number
    lists = {"microphones": (2, 3), "encoder_pins": (5, 6), "led_pins": (5, 6, 13)}
    if key.name in lists:
        return ", ".join(map(str, lists[key.name])), lists[key.name]
    special = {"night_from": "22:00", "night_to": "6:30", "strip_spi": "1.0", "word": "alexa",
               "stop_word": "/x/stop.json", "timezone": "UTC",
               "command": "/bin/true", "choices": "room=hall",
               "url": "https://a.example", "use": "local", "array": "plain", "positions_mm": "0 1",
               "listen": "[::1]:443", "public_url": "https://a.example", "origins": "https://a.example",
               "proxies": "10.0.0.0/8", "redis": "redis://a.example", "otlp": "http://a.example:4318",
               **dict.fromkeys(("stt", "llm", "tts"), "local")}  # fmt: skip
    text = special.get(key.name, "something")
    if key in fields(Realtime) and key.name == "url":
        text = "wss://a.example"
    return text, (text,) if isinstance(default, tuple) else text


# --- what is declared ----------------------------------------------------------------------------------


def test_every_part_of_the_configuration_can_be_read() -> None:
    """Nothing falls between sections and tables but the note of where it came from."""
    assert {f.name for f in fields(Config)} == SECTIONS.keys() | TABLES.keys() | {"sources"}
    assert TABLES.keys() == {"prices", "mcp", "shell", "stt", "llm", "tts"}
    assert TABLES["prices"] is Price


def test_every_struct_can_be_imported_from_the_package() -> None:
    for kind in (*SECTIONS.values(), *TABLES.values()):
        assert getattr(edge.config, kind.__name__) is kind
    assert all(hasattr(edge.config, name) for name in edge.config.__all__)


@named(KEYS)
def test_a_key_says_what_it_means_in_one_line(path: str, key: Field[Any]) -> None:
    about = key.metadata["about"]
    assert about
    assert "\n" not in about
    assert about[0].islower() or about.split(maxsplit=1)[0].isupper() or about[0].isdigit()
    assert not about.endswith(".")


@named(NUMBERS)
def test_a_default_is_within_its_limits(path: str, key: Field[Any]) -> None:
    assert key.metadata["low"] <= key.default <= key.metadata["high"]


@named(CHOICES)
def test_a_default_is_one_of_its_choices(path: str, key: Field[Any]) -> None:
    assert key.default in key.metadata["choices"]


def test_nothing_of_it_can_be_changed() -> None:
    for struct in (Config(), *(value for value in vars_of(Config()) if is_dataclass(value)), *PRICES.values()):
        with pytest.raises(FrozenInstanceError):
            setattr(struct, fields(struct)[0].name, None)


def vars_of(config: Config) -> list[Any]:
    return [getattr(config, f.name) for f in fields(config)]


# --- where it is set -----------------------------------------------------------------------------------


@named(NUMBERS)
def test_a_number_may_be_at_its_limits_and_not_beyond(tmp_path: Path, path: str, key: Field[Any]) -> None:
    low, high = key.metadata["low"], key.metadata["high"]
    assert given(tmp_path, path, key, str(low)) == low
    assert given(tmp_path, path, key, str(high)) == high
    limits = rf"must be between {low:.10g} and {high:.10g}\."
    for beyond in (low - 1, high + 1):
        with pytest.raises(ConfigError, match=rf"{path}.{key.name} = {beyond} {limits}"):
            given(tmp_path, path, key, str(beyond))


@named(CHOICES)
def test_every_choice_can_be_made(tmp_path: Path, path: str, key: Field[Any]) -> None:
    empty = key.name == "kind"  # then it is NAME itself, and x is no kind
    for choice in key.metadata["choices"]:
        if choice or not empty:
            assert given(tmp_path, path, key, f"'{choice}'") == choice


@named(KEYS)
def test_a_key_can_be_set_by_a_variable(tmp_path: Path, path: str, key: Field[Any]) -> None:
    text, value = other_than_default(key)
    (tmp_path / "c.toml").write_text(beside(path, key))
    variable = f"EDGE_VOICE_{path.replace('.', '__')}__{key.name}".upper()
    assert value_of(load(tmp_path / "c.toml", {variable: text}), path, key) == value
    assert value != key.default
