"""A turn as OpenTelemetry has it: a span with one for each stage, named by the conventions for generative AI.

Those are the semantic conventions gen_ai.* as of 1.38. What has no name there is called edge_voice.*; no words of what
was said are in any of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from edge.core.trace import span_of
from edge.ports import Fields

Value = str | int | float | bool
INTERNAL, CLIENT = 1, 3  # span kinds
MOST_PARTS = 32  # usages, tools or problems of one turn
MOST_TEXT = 200
_PROVIDERS = (
    ("gpt", "openai"), ("whisper", "openai"), ("o1", "openai"), ("claude", "anthropic"), ("gemini", "gcp.gemini"),
    ("nova", "deepgram"), ("flux", "deepgram"), ("eleven", "elevenlabs"), ("mistral", "mistral_ai"),
    ("deepseek", "deepseek"), ("grok", "x_ai"),
)  # fmt: skip
_INPUT = frozenset({"text_in", "text_cached", "audio_in", "input_text", "input_audio", "input_image"})
_OUTPUT = frozenset({"text_out", "audio_out", "output_text", "output_audio"})
_CACHED = frozenset({"text_cached", "cached_text", "cached_audio", "cached_image"})


@dataclass(frozen=True, slots=True)
class Span:
    """`start` and `end` are Unix times in seconds; an `error` is its type, "" for none."""

    trace: str
    id: str
    parent: str
    name: str
    start: float
    end: float
    attributes: Mapping[str, Value]
    kind: int = INTERNAL
    error: str = ""


@dataclass(slots=True)
class Tool:
    """A call of a tool; `end` None as long as it runs."""

    name: str
    start: float
    call: str = ""
    end: float | None = None
    ok: bool = True


@dataclass(slots=True)
class Seen:
    """What has been seen of one turn. Times are seconds on any clock; `stages` as in core.turn.STAGES."""

    trace: str
    turn: int
    engine: str
    model: str  # that the engine asks first
    began: float
    ended: float | None = None
    kind: str = ""
    said_s: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    tools: list[Tool] = field(default_factory=list)
    usages: list[tuple[float, Fields]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def matters(self) -> bool:
        """Whether there is anything to tell: nobody has spoken after most replies."""
        return bool(self.stages or self.tools or self.usages or self.problems)

    def turned(self, fields: Fields, now: float) -> None:
        """The event `turn`: its first sound is heard now."""
        self.kind, said, times = str(fields.get("kind", "")), fields.get("said_s"), fields.get("latency_ms")
        self.said_s = said if isinstance(said, int | float) else 0.0
        if isinstance(times, Mapping) and "first_sound" in times:
            zero = now - times["first_sound"] / 1000
            self.stages = {str(stage): zero + ms / 1000 for stage, ms in times.items()}

    def called(self, fields: Fields, now: float) -> None:
        """The event `tool`."""
        if len(self.tools) < MOST_PARTS:
            self.tools.append(Tool(str(fields.get("name", "")), now))

    def answered(self, fields: Fields, now: float) -> None:
        """The event `tool_done`."""
        for tool in self.tools:
            if tool.end is None and tool.name == fields.get("name"):
                tool.end, tool.ok, tool.call = now, bool(fields.get("ok")), str(fields.get("call", ""))
                return

    def used(self, fields: Fields, now: float) -> None:
        """The event `usage`."""
        if len(self.usages) < MOST_PARTS:
            self.usages.append((now, fields))

    def failed(self, fields: Fields) -> None:
        """The event `error`."""
        if len(self.problems) < MOST_PARTS:
            self.problems.append(str(fields.get("where", "")) or "other")


def spans(seen: Seen, device: str, run: str, wall: float) -> list[Span]:
    """The turn's own span first; `wall` is what the Unix time is ahead of the clock of `seen`."""
    return [_shifted(span, wall) for span in (_whole(seen, device, run), *_parts(seen))]


def _shifted(span: Span, by: float) -> Span:
    start = span.start + by
    return Span(span.trace, span.id, span.parent, span.name, start, max(start, span.end + by), span.attributes,
                span.kind, span.error)  # fmt: skip


def provider(model: str, engine: str) -> str:
    """Whose model it is; a service that nobody knows is called as the engine."""
    return next((name for start, name in _PROVIDERS if model.startswith(start)), engine or "edge_voice")


def _whole(seen: Seen, device: str, run: str) -> Span:
    ended = max([seen.began if seen.ended is None else seen.ended, *seen.stages.values()])
    tokens = [_tokens(fields) for _, fields in seen.usages if not _is_heard(fields)]
    costs = [cost for _, fields in seen.usages if isinstance(cost := fields.get("cost"), int | float)]
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": device, "gen_ai.conversation.id": run,
        "gen_ai.provider.name": provider(seen.model, seen.engine), "edge_voice.turn": seen.turn,
        "edge_voice.engine": seen.engine, "edge_voice.kind": seen.kind, "edge_voice.interrupted": seen.interrupted,
        "edge_voice.said_s": seen.said_s,
    }  # fmt: skip
    if seen.model:
        attributes["gen_ai.request.model"] = seen.model
    for name in {name for one in tokens for name in one}:
        attributes[name] = sum(one.get(name, 0) for one in tokens)
    if costs:
        attributes["edge_voice.cost"] = round(sum(costs), 6)
    error = seen.problems[0] if seen.problems else ""
    return Span(seen.trace, span_of(seen.trace, ""), "", f"invoke_agent {device}", _began(seen), ended,
                attributes | _error(error), error=error)  # fmt: skip


def _parts(seen: Seen) -> Iterator[Span]:
    at, root = seen.stages.get, span_of(seen.trace, "")

    def part(name: str, start: float | None, end: float | None, **attributes: Value) -> Iterator[Span]:
        if start is not None and end is not None:
            yield Span(seen.trace, span_of(seen.trace, name), root, name, start, end, attributes)

    if seen.said_s:
        yield from part("listen", _began(seen), at("speech_end"))
    if "speech_end" in seen.stages:
        yield from part("endpointing", at("speech_end"), at("turn_end"))
    yield from part("transcription", at("turn_end"), at("transcript"))
    yield from _models(seen, root)
    for number, tool in enumerate(seen.tools):
        yield _tool(seen, root, tool, number)
    yield from part("speech", at("first_token"), at("first_audio"))
    yield from part("playback", at("first_sound"), seen.ended, **{"edge_voice.interrupted": seen.interrupted})


def _models(seen: Seen, root: str) -> Iterator[Span]:
    """One for each use of a model; where nobody counts, one to the first of the answer."""
    start = seen.stages.get("turn_end", _began(seen))
    first = seen.stages.get("first_token", seen.stages.get("first_audio"))
    uses = seen.usages or ([(first, {})] if first is not None and seen.engine != "none" else [])
    for number, (end, fields) in enumerate(uses):
        model = str(fields.get("model") or seen.model)
        ids = fields.get("ids")
        ids = ids if isinstance(ids, Mapping) else {}
        heard = _is_heard(fields)
        attributes: dict[str, Value] = {"gen_ai.provider.name": provider(model, seen.engine), **_tokens(fields)}
        attributes |= {f"edge_voice.vendor.{name}": str(one) for name, one in ids.items()}
        if model and not (heard and not fields.get("model")):  # who writes down is not always told
            attributes["gen_ai.request.model"] = model
        if not heard:
            attributes["gen_ai.operation.name"] = "chat"
        if "response" in ids:
            attributes["gen_ai.response.id"] = str(ids["response"])
        if first is not None and not heard:
            attributes["gen_ai.response.time_to_first_chunk"] = round(max(0.0, first - start), 4)
        name = f"{'transcribe' if heard else 'chat'} {model}".strip()
        yield Span(
            seen.trace, span_of(seen.trace, f"model {number}"), root, name, min(start, end), end, attributes, CLIENT
        )


def _tool(seen: Seen, root: str, tool: Tool, number: int) -> Span:
    end = tool.end if tool.end is not None else seen.ended or tool.start
    error = "" if tool.ok else "tool_error"
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool.name, "gen_ai.tool.type": "function",
        **({"gen_ai.tool.call.id": tool.call} if tool.call else {}), **_error(error),
    }  # fmt: skip
    name = f"execute_tool {tool.name}"
    return Span(seen.trace, span_of(seen.trace, f"tool {number}"), root, name, tool.start, end, attributes, error=error)


def _began(seen: Seen) -> float:
    """A turn that begins while somebody is listened to already is not told of: what was said tells when."""
    first = min([seen.began, *seen.stages.values()])
    return min(first, seen.stages["speech_end"] - seen.said_s) if "speech_end" in seen.stages else first


def _tokens(fields: Fields) -> dict[str, int]:
    tokens = fields.get("tokens")
    if not isinstance(tokens, Mapping):
        return {}
    sums = {
        "gen_ai.usage.input_tokens": _INPUT, "gen_ai.usage.output_tokens": _OUTPUT,
        "gen_ai.usage.cache_read.input_tokens": _CACHED,
    }  # fmt: skip
    found = {name: sum(int(tokens.get(kind, 0)) for kind in kinds) for name, kinds in sums.items()}
    return {name: count for name, count in found.items() if count}


def _is_heard(fields: Fields) -> bool:
    """Whether something was written down and not answered."""
    ids, tokens = fields.get("ids"), fields.get("tokens")
    by_id = isinstance(ids, Mapping) and "item" in ids
    return by_id or (isinstance(tokens, Mapping) and bool({"audio_seconds", "seconds"} & tokens.keys()))


def _error(kind: str) -> dict[str, Value]:
    return {"error.type": kind[:MOST_TEXT]} if kind else {}
