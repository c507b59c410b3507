"""The session object of the relay's own engines: its defaults, what an update makes of it, what is refused. Pure."""

from __future__ import annotations

import copy
from typing import Any

from edge.relay.voice.own.problems import Json, Wrong, invalid, unknown, unsupported
from edge.relay.voice.own.sound import FORMATS, PCM_RATE

SERVER_VAD: Json = {
    "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
    "idle_timeout_ms": None, "create_response": True, "interrupt_response": True,
}  # fmt: skip
SEMANTIC_VAD: Json = {"type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True}
SILENCE_MS = {"low": 1400, "medium": 800, "auto": 700, "high": 450}  # of semantic_vad: there is no model of sense here
VADS = ("server_vad", "semantic_vad")
KEYS = frozenset({
    "type", "model", "instructions", "output_modalities", "audio", "tools", "tool_choice", "max_output_tokens",
    "tracing", "truncation", "prompt", "include", "reasoning", "parallel_tool_calls",
})  # fmt: skip
INPUT = frozenset({"format", "transcription", "noise_reduction", "turn_detection"})
OUTPUT = frozenset({"format", "voice", "speed"})
RANGES = {
    "threshold": (0.0, 1.0), "prefix_padding_ms": (0, 5000), "silence_duration_ms": (100, 10_000),
    "idle_timeout_ms": (5000, 30_000),
}  # fmt: skip
MOST_TOOLS, MOST_INSTRUCTIONS = 64, 50_000


def fresh(session_id: str, model: str, expires_at: int) -> Json:
    """As `session.created` shows it."""
    return {
        "type": "realtime", "object": "realtime.session", "id": session_id, "model": model,
        "output_modalities": ["audio"], "instructions": "", "tools": [], "tool_choice": "auto",
        "max_output_tokens": "inf", "tracing": None, "truncation": "auto", "prompt": None, "expires_at": expires_at,
        "include": None,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": PCM_RATE}, "transcription": None, "noise_reduction": None,
                "turn_detection": dict(SERVER_VAD),
            },
            "output": {"format": {"type": "audio/pcm", "rate": PCM_RATE}, "voice": "own", "speed": 1.0},
        },
    }  # fmt: skip


def updated(session: Json, update: Json) -> Json:
    """The session with what an update says: omitted is unchanged, `audio` is merged. Raises Wrong.

    A `model` is not looked at: clients of the vendor name theirs in each update, and there is one engine here.
    """
    _known(update, KEYS, "session")
    if update.get("type", "realtime") != "realtime":
        raise unsupported("session.type", update["type"], ("realtime",))
    _check_plain(update)
    merged = copy.deepcopy(session)
    merged.update({key: copy.deepcopy(value) for key, value in update.items() if key not in {"audio", "model"}})
    audio = update.get("audio", {})
    if not isinstance(audio, dict):
        raise invalid("session.audio", "an object")
    _known(audio, frozenset({"input", "output"}), "session.audio")
    for side, keys in (("input", INPUT), ("output", OUTPUT)):
        part = audio.get(side, {})
        if not isinstance(part, dict):
            raise invalid(f"session.audio.{side}", "an object")
        _known(part, keys, f"session.audio.{side}")
        merged["audio"][side].update(copy.deepcopy(part))
        merged["audio"][side]["format"] = _format(merged["audio"][side]["format"], f"session.audio.{side}.format")
    merged["audio"]["input"]["turn_detection"] = _detection(merged["audio"]["input"]["turn_detection"])
    _check_output(merged["audio"])
    return merged


def _check_plain(update: Json) -> None:
    instructions = update.get("instructions", "")
    if not isinstance(instructions, str) or len(instructions) > MOST_INSTRUCTIONS:
        raise invalid("session.instructions", f"a string of at most {MOST_INSTRUCTIONS} characters")
    modality(update.get("output_modalities", ["audio"]), "session.output_modalities")
    tools(update.get("tools", []), "session.tools")
    if update.get("prompt") is not None:
        raise Wrong("invalid_value", "This server keeps no prompts.", "session.prompt")
    choice = update.get("tool_choice", "auto")
    if not isinstance(choice, str | dict):
        raise invalid("session.tool_choice", "a string or an object")
    most = update.get("max_output_tokens", "inf")
    if most != "inf" and (isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= 4096):  # noqa: PLR2004
        raise Wrong("invalid_value", "max_output_tokens is 1 to 4096, or inf.", "session.max_output_tokens")


def modality(value: object, where: str) -> str:
    """Audio or text; the protocol has one at a time."""
    if not isinstance(value, list) or value not in (["audio"], ["text"]):
        raise Wrong(
            "invalid_value", f"Invalid modalities: {str(value)[:60]}. Supported are: ['text'] and ['audio'].", where
        )
    return str(value[0])


def tools(value: object, where: str) -> list[Json]:
    """Functions, each of which has a name; MCP servers need the vendor."""
    if not isinstance(value, list) or len(value) > MOST_TOOLS:
        raise invalid(where, f"an array of at most {MOST_TOOLS} tools")
    for index, tool in enumerate(value):
        if not isinstance(tool, dict) or not isinstance(tool.get("name", ""), str):
            raise invalid(f"{where}[{index}]", "a tool")
        if tool.get("type") != "function":
            raise unsupported(f"{where}[{index}].type", tool.get("type"), ("function",))
        if not tool.get("name"):
            raise Wrong("missing_required_parameter", f"Missing required parameter: '{where}[{index}].name'.")
    return value


def _check_output(audio: Json) -> None:
    speed, voice = audio["output"].get("speed"), audio["output"].get("voice")
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0.25 <= speed <= 1.5:  # noqa: PLR2004
        raise Wrong("invalid_value", "speed is 0.25 to 1.5.", "session.audio.output.speed")
    if not isinstance(voice, str | dict):
        raise invalid("session.audio.output.voice", "a string")
    for key in ("transcription", "noise_reduction"):
        if not isinstance(audio["input"].get(key), dict | None):
            raise invalid(f"session.audio.input.{key}", "an object")


def _format(value: Any, where: str) -> Json:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in FORMATS:
        raise unsupported(f"{where}.type", kind, FORMATS)
    if kind != "audio/pcm":
        return {"type": kind}
    if value.get("rate", PCM_RATE) != PCM_RATE:
        raise unsupported(f"{where}.rate", value.get("rate"), (str(PCM_RATE),))
    return {"type": kind, "rate": PCM_RATE}


def _detection(value: Any) -> Json | None:
    if value is None:
        return None
    where = "session.audio.input.turn_detection"
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in VADS:
        raise unsupported(f"{where}.type", kind, VADS)
    defaults = SERVER_VAD if kind == "server_vad" else SEMANTIC_VAD
    _known(value, frozenset(defaults), where)
    for key, (least, most) in RANGES.items():
        number = value.get(key)
        if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
            raise invalid(f"{where}.{key}", "a number")
        if number is not None and not least <= number <= most:
            raise Wrong("invalid_value", f"'{where}.{key}' is {least} to {most}.", f"{where}.{key}")
    if kind == "semantic_vad" and value.get("eagerness", "auto") not in tuple(SILENCE_MS):
        raise unsupported(f"{where}.eagerness", value.get("eagerness"), tuple(SILENCE_MS))
    given = {key: one for key, one in value.items() if one is not None or key == "idle_timeout_ms"}
    return {**defaults, **given}


def _known(body: Json, keys: frozenset[str], where: str) -> None:
    found = next((key for key in body if key not in keys), None)
    if found is not None:
        raise unknown(f"{where}.{found}")
