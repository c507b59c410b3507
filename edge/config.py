"""The configuration: defaults <- TOML file <- EDGE_VOICE_SECTION__KEY variables, as frozen structs.

Every mistake is found and reported at once, with the nearest right name. Secrets are never in the
file: they come from systemd credentials or the vendors' usual variables (see `secret`).
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from edge.errors import ConfigError

PREFIX = "EDGE_VOICE_"
MOST_SHOWN = 60  # characters of a wrong value


def _setting(default: Any, about: str, low: float | None = None, high: float | None = None,
             choices: tuple[str, ...] = ()) -> Any:  # fmt: skip
    """A key with its limits; `about` is shown by `config show`."""
    factory = {"default": default}
    return field(**factory, metadata={"about": about, "low": low, "high": high, "choices": choices})


@dataclass(frozen=True, slots=True)
class Device:
    """The section [device]."""

    name: str = _setting("", "name shown on the companion page; the host name when empty")
    timezone: str = _setting("", "IANA zone for spoken times; the system's when empty")


@dataclass(frozen=True, slots=True)
class Audio:
    """The section [audio]."""

    input: str = _setting("", "microphone: part of its name or its index; the default device when empty")
    output: str = _setting("", "speaker: part of its name or its index; the default device when empty")
    input_rate: int = _setting(0, "sample rate to record at; 0 chooses", 0, 384_000)
    output_rate: int = _setting(0, "sample rate to play at; 0 chooses", 0, 384_000)
    channel: int = _setting(0, "which channel of the microphone (1 is the first); 0 mixes them", 0, 64)
    volume: int = _setting(100, "percent", 0, 100)
    preroll_ms: int = _setting(500, "audio from before a press that is sent along", 0, 5000)


@dataclass(frozen=True, slots=True)
class Panel:
    """The section [panel]."""

    hold_ms: int = _setting(400, "a press longer than this is push-to-talk", 100, 2000)
    long_ms: int = _setting(3000, "a press longer than this mutes or unmutes", 1000, 10_000)
    double_ms: int = _setting(350, "two taps within this time forget the conversation", 100, 1000)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The section [conversation]."""

    barge_in: str = _setting("button", "how a person interrupts", choices=("duck", "stop", "button", "off"))
    end_silence_ms: int = _setting(550, "silence that ends a turn", 200, 5000)
    eager_silence_ms: int = _setting(200, "silence after which the engine starts to work", 100, 2000)
    no_speech_s: float = _setting(8.0, "how long to wait for the first word after a press", 1, 120)
    follow_up_s: float = _setting(6.0, "how long to go on listening after a reply; 0 turns it off", 0, 120)
    max_turn_s: float = _setting(360.0, "longest turn of the person", 5, 900)
    reply_s: float = _setting(30.0, "how long to wait for the engine", 2, 300)


@dataclass(frozen=True, slots=True)
class Engine:
    """The section [engine]."""

    use: tuple[str, ...] = _setting((), "engines in order of preference; chosen by the keys that are there when empty")


@dataclass(frozen=True, slots=True)
class Local:
    """The section [local]."""

    models_dir: str = _setting("", "where the models are; the state directory when empty")
    language: str = _setting("en", "what is spoken to the device (it answers in English)")
    llm: str = _setting("auto", "the small language model", choices=("auto", "off"))
    max_tokens: int = _setting(120, "longest answer of the language model", 16, 1024)
    speed: float = _setting(1.0, "speaking rate", 0.5, 2.0)
    threads: int = _setting(0, "processor cores to use; 0 means all", 0, 64)
    instructions: str = _setting(
        "You are a helpful voice assistant on a small device. Answer in one or two short plain sentences, "
        "without lists or markup.", "what the language model is told about itself")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Realtime:
    """The section [realtime]. The key is the credential or variable openai_api_key."""

    url: str = _setting("", "another server with the same protocol: Azure's /openai/v1/realtime, a relay, your own")
    model: str = _setting("gpt-realtime-2.1", "which model answers (the deployment's name on Azure)")
    voice: str = _setting("marin", "how it sounds: alloy, ash, ballad, coral, echo, sage, shimmer, verse, marin, cedar")
    speed: float = _setting(1.0, "speaking rate", 0.25, 1.5)
    noise: str = _setting("far", "what the vendor filters the microphone for", choices=("near", "far", "none"))
    transcription: str = _setting("gpt-live-transcribe", "model that writes down what is said to it; off when empty")
    language: str = _setting("", "what is spoken, as a two-letter code; any when empty")
    effort: str = _setting("", "how long it thinks; the model's own when empty",
                           choices=("", "minimal", "low", "medium", "high", "xhigh"))  # fmt: skip
    instructions: str = _setting(
        "You are a helpful voice assistant on a small device. Be brief and friendly; speak the person's language.",
        "what the model is told about itself")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Log:
    """The section [log]."""

    level: str = _setting("info", "least important message shown", choices=("debug", "info", "warning", "error"))
    transcripts: bool = _setting(False, "whether what is said is written to the journal")


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; `sources` says which file and how many variables it came from."""

    device: Device = Device()
    audio: Audio = Audio()
    panel: Panel = Panel()
    conversation: Conversation = Conversation()
    engine: Engine = Engine()
    local: Local = Local()
    realtime: Realtime = Realtime()
    log: Log = Log()
    sources: tuple[str, ...] = ()


ENGINES = ("local", "realtime", "none")  # "none" listens and answers nothing: for setting up the sound


def load(path: Path | None = None, env: Mapping[str, str] = os.environ) -> Config:
    """Read the file (the first default one that exists when `path` is None) and the environment."""
    file = path if path is not None else default_path(env)
    problems: list[str] = []
    table = _read(file, problems) if file is not None else {}
    variables = _from_env(env, problems)
    config, where = Config(), str(file or "the environment")
    for given, origin in ((table, where), (variables, "the environment")):
        config = _merge(config, given, origin, problems)
    _check_whole(config, problems)
    if problems:
        raise ConfigError(problems)
    sources = ((str(file),) if file else ()) + (
        (f"{len(variables)} sections from the environment",) if variables else ()
    )
    return replace(config, sources=sources)


def default_path(env: Mapping[str, str]) -> Path | None:
    """The first of the usual places that has a file."""
    home = env.get("XDG_CONFIG_HOME") or str(Path(env.get("HOME", "/")) / ".config")
    places = (Path(home) / "edge-voice/config.toml", Path("/etc/edge-voice/config.toml"))
    return next((place for place in places if os.path.isfile(place)), None)  # noqa: PTH113  False where we may not look


def secret(name: str, env: Mapping[str, str] = os.environ) -> str:
    """A key by its credential name (`openai_api_key`), else from the vendor's variable; "" if neither is there."""
    folder = env.get("CREDENTIALS_DIRECTORY")
    file = Path(folder) / name if folder else None
    if file is not None and os.path.isfile(file):  # noqa: PTH113  as above
        try:
            return file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError([f"The credential {file} cannot be read ({type(error).__name__})."]) from None
    return env.get(name.upper(), "").strip()


def show(config: Config) -> str:
    """The effective configuration as TOML, each key with what it means."""
    lines: list[str] = []
    for section in fields(config):
        value = getattr(config, section.name)
        if not is_dataclass(value):
            continue
        lines.append(f"[{section.name}]")
        lines += [f"{f.name} = {_toml(getattr(value, f.name))}  # {f.metadata['about']}" for f in fields(value)]
        lines.append("")
    return "\n".join(lines).rstrip()


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace(
            "\x7f", "\\u007f"
        )  # TOML escapes as JSON does, and DEL too
    return str(value)


def _read(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}.")
    except UnicodeDecodeError as error:
        problems.append(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8.")
    except (ValueError, RecursionError) as error:  # beside TOMLDecodeError: numbers and nesting without end
        problems.append(f"{path}: is not TOML: {error}.")
    return {}


def _from_env(env: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name, text in env.items():
        section, mark, key = name.removeprefix(PREFIX).partition("__")
        if not name.startswith(PREFIX) or not mark:
            continue
        hints = get_type_hints(type(getattr(Config(), section.lower(), "")))
        kind = hints.get(key.lower(), str)
        value = _parse(text, kind)
        if value is None:
            problems.append(f"{name}: {text!r} is not {_words(kind)}.")
        else:
            table.setdefault(section.lower(), {})[key.lower()] = value
    return table


def _parse(text: str, kind: Any) -> Any:
    if not text.isascii() and text != text.encode(errors="replace").decode():
        return None  # bytes that are no UTF-8
    if get_origin(kind) is tuple:
        return [item.strip() for item in text.split(",") if item.strip()]
    if kind is bool:
        return {"true": True, "1": True, "yes": True, "on": True,
                "false": False, "0": False, "no": False, "off": False}.get(text.strip().lower())  # fmt: skip
    try:
        return kind(text)
    except ValueError:
        return None


def _merge(config: Config, given: Mapping[str, Any], origin: str, problems: list[str]) -> Config:
    sections = [f.name for f in fields(config) if f.name != "sources"]
    for name, values in given.items():
        if name not in sections:
            problems.append(f"{origin}: there is no section [{name}].{_nearest(name, sections)}")
        elif not isinstance(values, Mapping):
            problems.append(f"{origin}: {name} must be a section: [{name}].")
        else:
            section = _fill(getattr(config, name), name, values, origin, problems)
            config = replace(config, **{name: section})
    return config


def _fill(section: Any, name: str, values: Mapping[str, Any], origin: str, problems: list[str]) -> Any:
    known = {f.name: f for f in fields(section)}
    hints = get_type_hints(type(section))
    good: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            problems.append(f"{origin}: [{name}] has no key {key}.{_nearest(key, list(known))}")
            continue
        fitting, problem = _fit(value, hints[key], known[key].metadata)
        if problem:
            problems.append(f"{origin}: {name}.{key} = {_shown(value)} {problem}.")
        else:
            good[key] = fitting
    return replace(section, **good)


def _fit(value: Any, kind: Any, limits: Mapping[str, Any]) -> tuple[Any, str]:
    """The value in the wanted type, or what is wrong with it."""
    if get_origin(kind) is tuple:
        value = (value,) if isinstance(value, str) else value
        inner = get_args(kind)[0]
        good = isinstance(value, (list, tuple)) and all(isinstance(item, inner) for item in value)
        return (tuple(value), "") if good else (None, "must be a list of texts")
    wide = (int, float) if kind is float else kind
    if not isinstance(value, wide) or (kind is not bool and isinstance(value, bool)):
        return None, f"must be {_words(kind)}"
    if limits["choices"] and value not in limits["choices"]:
        return None, f"must be one of {', '.join(limits['choices'])}"
    if limits["low"] is not None and not limits["low"] <= value <= limits["high"]:
        return None, f"must be between {limits['low']:g} and {limits['high']:g}"
    return kind(value), ""


def _check_whole(config: Config, problems: list[str]) -> None:
    """What no single key can tell."""
    problems += [f"engine.use: there is no engine {name!r}.{_nearest(name, list(ENGINES))}"
                 for name in config.engine.use if name not in ENGINES]  # fmt: skip
    if config.device.timezone and not _is_zone(config.device.timezone):
        problems.append(
            f"device.timezone = {_shown(config.device.timezone)} is no time zone; one looks like Europe/Berlin."
        )
    talk = config.conversation
    if talk.eager_silence_ms >= talk.end_silence_ms:
        problems.append("conversation.eager_silence_ms must be less than conversation.end_silence_ms.")


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return True


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1, 0.5)
    return f" Did you mean {close[0]}?" if close else f" There are: {', '.join(known)}."


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python's own limit
        return "a number of thousands of digits"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _words(kind: Any) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}.get(kind, "a list of texts")
