"""The live panel's rows: state, microphone, speaker, engine, keys. Pure: what is seen -> lines."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.text import Text

from edge.panel.clean import clean
from edge.panel.terminal.look import LABEL, NARROW, Look
from edge.ports import Fields

FLOOR_DB = -60.0
LOUD_DB, CLIPPING_DB = -18.0, -3.0
MOST_RULE = 78  # short lines survive a narrower window
FEW_ROWS = 12
METER = (24, 12)  # cells, and where it is narrow
DOTS = {
    "idle": "white", "connecting": "yellow", "listening": "bold green", "thinking": "bold blue",
    "speaking": "bold cyan", "ringing": "bold magenta", "muted": "bold red", "error": "bold red",
}  # fmt: skip
HINTS = {
    "idle": "press space and talk",
    "connecting": "talk already, it is kept",
    "listening": "talk now",
    "thinking": "space interrupts",
    "speaking": "space interrupts",
    "ringing": "space stops it",
    "muted": "m opens the microphone",
}
SCRIPTED = {"idle": "", "connecting": "the engine is loading", "listening": "a recording talks"}
PARTS = {"ears": "speech recognition", "voice": "voice", "mind": "language model"}
COUNTERS = {
    "overruns": "overruns", "lost_frames": "lost frames", "underruns": "underruns", "starved": "gaps",
    "dropped_samples": "dropped samples",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sight:
    """What there is to be seen now; `status` is that of commands.Commands."""

    state: str = "idle"
    level: float = FLOOR_DB
    peak: float = FLOOR_DB
    status: Fields = field(default_factory=dict)
    scripted: bool = False
    by_voice: bool = False  # whether talking interrupts


def panel(sight: Sight, width: int, height: int, look: Look) -> list[Text]:
    """The rows from top to bottom, each at most `width` wide."""
    rows = [Text(look.rule * min(width, MOST_RULE), "dim"), _state(sight, look), _microphone(sight, width, look)]
    if height >= FEW_ROWS:
        rows += [_speaker(sight), _engine(sight)]
    rows.append(keys(width))
    for row in rows:
        row.truncate(width, overflow="ellipsis")
    return rows


def keys(width: int) -> Text:
    """What can be pressed."""
    space = "talk" if width < NARROW else "talk / interrupt"
    pairs = (("space", space), ("m", "mute"), ("f", "forget"), ("r", "record"), ("q", "quit"))
    gap = "  " if width < NARROW else "   "
    return Text(gap).join(Text.assemble((key, "bold"), (f" {what}", "dim")) for key, what in pairs)


def _state(sight: Sight, look: Look) -> Text:
    style = DOTS.get(sight.state, "white")
    return Text.assemble((look.dot, style), " ", (f"{clean(sight.state):11}", style), hint(sight))


def hint(sight: Sight) -> str:
    """What the person can do now."""
    problems = sight.status.get("problems")
    if sight.state == "error" and isinstance(problems, list) and problems:
        return clean(problems[0])
    if sight.state == "speaking" and sight.by_voice:
        return "talk or space to interrupt"
    if sight.scripted and sight.state in SCRIPTED:
        return SCRIPTED[sight.state]
    if sight.state == "idle" and _part(sight, "engine").get("ready") is False:
        return "loading; space and talk already"
    word = _part(sight, "microphone").get("wake_word") if sight.state == "idle" else None
    return f'say "{clean(word)}" or {HINTS["idle"]}' if word else HINTS.get(sight.state, "")


def _microphone(sight: Sight, width: int, look: Look) -> Text:
    facts = _part(sight, "microphone")
    row = Text.assemble((f"{'mic':{LABEL}}", "dim"))
    name = clean(facts.get("microphone") or "")
    why = "closed" if facts.get("muted") else "no microphone" if not name else "" if facts.get("open") else "not open"
    if why:
        row.append(why, "red" if facts.get("muted") else "dim")
    else:
        row += meter(sight.level, sight.peak, METER[width < NARROW], look)
        row.append(f" {max(sight.level, FLOOR_DB):4.0f} dB", "dim")
    row += _troubles(facts, ("overruns", "lost_frames"))
    return row.append(f"  {name}" if name else "")


def meter(level: float, peak: float, cells: int, look: Look) -> Text:
    """A level in dBFS, with a mark at the peak."""
    filled, held = _cells(level, cells), _cells(peak, cells)
    row = Text()
    for place in range(cells):
        db = FLOOR_DB - FLOOR_DB * (place + 1) / cells
        style = "green" if db < LOUD_DB else "yellow" if db < CLIPPING_DB else "red"
        if place < filled:
            row.append(look.full, style)
        elif place == held - 1:
            row.append(look.mark, style)
        else:
            row.append(look.empty, "dim")
    return row


def _cells(db: float, cells: int) -> int:
    return round(min(max(db - FLOOR_DB, 0.0), -FLOOR_DB) / -FLOOR_DB * cells)


def _speaker(sight: Sight) -> Text:
    facts = _part(sight, "speaker")
    name = clean(facts.get("device", "none"))
    row = Text.assemble((f"{'speaker':{LABEL}}", "dim"), "not open yet" if name == "none" else name)
    if facts.get("volume", 100) != 100:  # noqa: PLR2004  percent: nothing to tell
        row.append(f"  volume {clean(facts['volume'])} %", "dim")
    return row + _troubles(facts, ("underruns", "starved", "dropped_samples"))


def _engine(sight: Sight) -> Text:
    facts = _part(sight, "engine")
    loaded = facts.get("loaded")
    parts = loaded.items() if isinstance(loaded, dict) else ()
    row = Text.assemble((f"{'engine':{LABEL}}", "dim"), clean(facts.get("engine", "")))
    if not facts.get("ready"):
        row.append("  loading", "yellow")
    names = [PARTS.get(part, clean(part)) for part, there in parts if there]
    row.append(f"  {', '.join(names)}" if names else "", "dim")
    missing = [f"no {PARTS.get(part, clean(part))}" for part, there in parts if not there]
    return row.append(f"  {', '.join(missing)}" if missing else "", "yellow")


def _part(sight: Sight, name: str) -> Fields:
    part = sight.status.get(name)
    return part if isinstance(part, dict) else {}


def _troubles(facts: Fields, names: tuple[str, ...]) -> Text:
    found = [f"{COUNTERS[name]} {clean(facts[name])}" for name in names if facts.get(name)]
    return Text(f"  {', '.join(found)}" if found else "", "yellow")
