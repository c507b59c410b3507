"""The `session` object of session.update, built from settings.

All that a setting can say is said, null included, so that nothing rests on a server's defaults. Only what
older models refuse (reasoning, parallel_tool_calls) or what is seldom set is left out when unset.
Ranges are checked where settings are read, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from edge.agents.realtime.pcm import RATE
from edge.agents.realtime.reading import Json

Modality = Literal["audio", "text"]
Effort = Literal["minimal", "low", "medium", "high", "xhigh"]
Noise = Literal["near", "far", "none"]


@dataclass(frozen=True, slots=True)
class ServerVad:
    """The server ends a turn after so much silence; the defaults are the vendor's."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: int | None = None  # the model speaks up by itself after it


@dataclass(frozen=True, slots=True)
class SemanticVad:
    """The server ends a turn when the sentence is complete; low waits 8 s at most, medium 4 s, high 2 s."""

    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


@dataclass(frozen=True, slots=True)
class Transcription:
    """What the person said as text, made beside the model; `model` is a deployment's name on Azure."""

    model: str = "gpt-live-transcribe"
    language: str = ""  # ISO 639-1
    prompt: str = ""
    keywords: tuple[str, ...] = ()  # gpt-transcribe and gpt-live-transcribe only


@dataclass(frozen=True, slots=True)
class RetentionRatio:
    """When the context is full, cut it to this share, so that the cache holds for longer afterwards."""

    ratio: float
    post_instructions: int | None = None  # most tokens beside the instructions


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A tool that runs here; `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class McpServer:
    """A remote MCP server, whose tools the vendor runs. Nobody at the device can approve calls: `never` asks none."""

    label: str
    url: str = ""
    connector_id: str = ""
    tunnel_id: str = ""
    description: str = ""
    authorization: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    allowed_tools: tuple[str, ...] | None = None
    require_approval: Literal["always", "never"] = "never"


@dataclass(frozen=True, slots=True)
class OneTool:
    """Force this tool: of ours, or of the MCP server `server` (any of its tools when `name` is empty)."""

    name: str = ""
    server: str = ""


Turns = ServerVad | SemanticVad | None
Truncation = Literal["auto", "disabled"] | RetentionRatio
Tool = FunctionTool | McpServer
ToolChoice = Literal["auto", "none", "required"] | OneTool


@dataclass(frozen=True, slots=True)
class Settings:
    """A session. `turns` None is push-to-talk: we commit and ask for the reply."""

    instructions: str = ""
    voice: str = "marin"  # fixed once the model has spoken
    speed: float = 1.0  # 0.25 to 1.5, changes between turns only
    modality: Modality = "audio"
    turns: Turns = None
    noise: Noise = "none"
    transcription: Transcription | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    effort: Effort | None = None  # reasoning models only
    parallel_tool_calls: bool | None = None  # reasoning models only
    truncation: Truncation | None = None
    max_output_tokens: int | Literal["inf"] | None = None


def build(settings: Settings, model: str = "") -> Json:
    """The whole session object. `model` only where a session is made by it (WebRTC): it cannot be updated."""
    body: Json = {
        "type": "realtime",
        "instructions": settings.instructions,
        "output_modalities": [settings.modality],
        "audio": {"input": _input(settings), "output": _output(settings)},
        "tools": [tool_body(tool) for tool in settings.tools],
        "tool_choice": tool_choice_body(settings.tool_choice),
    }
    seldom = {
        "model": model or None,
        "reasoning": None if settings.effort is None else {"effort": settings.effort},
        "parallel_tool_calls": settings.parallel_tool_calls,
        "truncation": None if settings.truncation is None else _truncation(settings.truncation),
        "max_output_tokens": settings.max_output_tokens,
    }
    return body | {name: value for name, value in seldom.items() if value is not None}


_BARE = {"input": ("format", "turn_detection"), "output": ("format", "voice")}


def bare(body: Json) -> Json:
    """What of a whole session object nothing works without: other servers than the vendor's refuse the rest."""
    kept = {key: body[key] for key in ("type", "instructions", "tools") if key in body}
    audio = body.get("audio", {})
    sides = {side: {key: audio[side][key] for key in keys} for side, keys in _BARE.items() if side in audio}
    return kept | ({"audio": sides} if sides else {})


def changes(old: Settings, new: Settings) -> Json | None:
    """The session object that leads from one to the other and touches nothing else; None if nothing changes.

    A field that `new` leaves unset is left as it is: what may be unset cannot be cleared once set.
    """
    difference = _difference(build(old), build(new))
    return {"type": "realtime"} | difference if difference else None


_BRANCHES = frozenset({"audio", "input", "output"})  # objects that are updated by field; all others as a whole


def _difference(old: Json, new: Json) -> Json:
    found: Json = {}
    for key, value in new.items():
        if key in _BRANCHES:
            inner = _difference(old[key], value)
            found |= {key: inner} if inner else {}
        elif key not in old or old[key] != value:
            found[key] = value
    return found


def _input(settings: Settings) -> Json:
    noise, heard = settings.noise, settings.transcription
    return {
        "format": {"type": "audio/pcm", "rate": RATE},
        "turn_detection": turns_body(settings.turns),
        "noise_reduction": None if noise == "none" else {"type": f"{noise}_field"},
        "transcription": None if heard is None else _transcription(heard),
    }


def _output(settings: Settings) -> Json:
    return {"format": {"type": "audio/pcm", "rate": RATE}, "voice": settings.voice, "speed": settings.speed}


def turns_body(turns: Turns) -> Json | None:
    """The turn detection as the protocol has it."""
    if turns is None:
        return None
    answering = {"create_response": turns.create_response, "interrupt_response": turns.interrupt_response}
    if isinstance(turns, SemanticVad):
        return {"type": "semantic_vad", "eagerness": turns.eagerness, **answering}
    return {
        "type": "server_vad",
        "threshold": turns.threshold,
        "prefix_padding_ms": turns.prefix_padding_ms,
        "silence_duration_ms": turns.silence_duration_ms,
        **answering,
        **({} if turns.idle_timeout_ms is None else {"idle_timeout_ms": turns.idle_timeout_ms}),
    }


def _transcription(heard: Transcription) -> Json:
    fields = {"language": heard.language, "prompt": heard.prompt, "keywords": list(heard.keywords)}
    return {"model": heard.model, **_filled(fields)}


def _truncation(truncation: Truncation) -> Json | str:
    if not isinstance(truncation, RetentionRatio):
        return truncation
    body: Json = {"type": "retention_ratio", "retention_ratio": truncation.ratio}
    if truncation.post_instructions is not None:
        body["token_limits"] = {"post_instructions": truncation.post_instructions}
    return body


def tool_body(tool: Tool) -> Json:
    """A tool as the protocol has it."""
    if isinstance(tool, FunctionTool):
        parameters = dict(tool.parameters)
        return {"type": "function", "name": tool.name, "description": tool.description, "parameters": parameters}
    optional = {
        "server_url": tool.url,
        "connector_id": tool.connector_id,
        "tunnel_id": tool.tunnel_id,
        "server_description": tool.description,
        "authorization": tool.authorization,
        "headers": dict(tool.headers),
    }
    allowed = {} if tool.allowed_tools is None else {"allowed_tools": list(tool.allowed_tools)}
    approval = {"require_approval": tool.require_approval}
    return {"type": "mcp", "server_label": tool.label, **_filled(optional), **allowed, **approval}


def tool_choice_body(choice: ToolChoice) -> Json | str:
    """A tool choice as the protocol has it."""
    if not isinstance(choice, OneTool):
        return choice
    if not choice.server:
        return {"type": "function", "name": choice.name}
    return {"type": "mcp", "server_label": choice.server, **_filled({"name": choice.name})}


def _filled(fields: Json) -> Json:
    """Without the empty ones."""
    return {name: value for name, value in fields.items() if value}
