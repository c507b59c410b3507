"""What came of the scenarios: a table for the terminal, JSON, and a page with the sound to listen to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from edge import __version__
from edge.audio.files import OUT_RATE
from edge.errors import AudioError
from edge.evals.judging import Observed, told
from edge.evals.playing import Outcome
from edge.evals.scenario import Turn
from edge.panel.clean import clean

PAGE, DATA = "index.html", "results.json"
STYLE = """
:root { color-scheme: light dark; --ink: #1c2127; --soft: #5b6570; --paper: #fbfbf9; --card: #fff; --line: #dfe2e5;
  --good: #1a7f4b; --bad: #b3261e; --none: #6b6f76; --cut: #8a5a00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --soft: #9aa4ae; --paper: #14171a; --card: #1c2024;
  --line: #333a41; --good: #5fd39a; --bad: #ff8a80; --none: #9aa0a6; --cut: #f0c674 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.45 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 0 } p { margin: .25rem 0 }
.soft { color: var(--soft) } .good { color: var(--good) } .bad { color: var(--bad) } .none { color: var(--none) }
.verdict { font-weight: 600; margin-left: auto }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; margin: 1rem 0 }
header.one { display: flex; gap: .75rem; align-items: baseline; flex-wrap: wrap }
audio { width: 100%; margin: .6rem 0 .3rem; height: 2.4rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .94rem }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-top: 1px solid var(--line) }
th { color: var(--soft); font-weight: 500; font-size: .85rem } td.number { text-align: right; white-space: nowrap }
td.wrong { border-left: 3px solid var(--bad) } td.right { border-left: 3px solid var(--good) }
ul { margin: .2rem 0 0; padding-left: 1.1rem } code { font-size: .9em; overflow-wrap: anywhere }
.summary td:first-child { width: 1% ; white-space: nowrap }
@media (max-width: 36rem) { .summary th:nth-child(3), .summary td:nth-child(3) { display: none } }
.cut { color: var(--cut) } a { color: inherit }
"""


def word(outcome: Outcome) -> str:
    """How a scenario ended."""
    return "skipped" if outcome.skipped else "passed" if outcome.good else "failed"


def lines(outcomes: Sequence[Outcome]) -> list[str]:
    """A table, with what is wrong below each scenario."""
    width = max((len(one.scenario.name) for one in outcomes), default=0)
    out = []
    for one in outcomes:
        note = f"  ({one.skipped})" if one.skipped else ""
        out.append(f"{word(one):8} {one.scenario.name:<{width}} {one.seconds:5.1f} s  {one.scenario.about}{note}")
        out += [f"         turn {n}: {clean(text)}" for n, wrong in enumerate(one.wrong, 1) for text in wrong]
    return [*out, summary(outcomes)]


def summary(outcomes: Sequence[Outcome]) -> str:
    """In a sentence."""
    words = [word(one) for one in outcomes]
    engines = ", ".join(dict.fromkeys(one.engine for one in outcomes))
    counts = ", ".join(f"{words.count(kind)} {kind}" for kind in ("passed", "failed", "skipped") if kind in words)
    return f"{counts} of {len(words)} with engine {engines}, in {sum(one.seconds for one in outcomes):.1f} s."


def plain(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """For scripts."""
    return {
        "version": __version__, "passed": all(one.good for one in outcomes),
        "scenarios": [
            {
                "name": one.scenario.name, "about": one.scenario.about, "result": word(one), "engine": one.engine,
                "skipped": one.skipped, "seconds": round(one.seconds, 2), "wrong": one.wrong,
                "turns": [_plain_turn(*each) for each in zip(one.scenario.turns, one.observed, strict=False)],
            }
            for one in outcomes
        ],
    }  # fmt: skip


def _plain_turn(turn: Turn, seen: Observed) -> dict[str, Any]:
    return {
        turn.mode: turn.what, "heard": seen.heard, "said": seen.said.strip(), "cut_the_reply_before": seen.cut,
        "tools": [{"name": name, "arguments": dict(arguments)} for name, arguments in seen.tools],
        "latency_ms": dict(seen.latency_ms),
    }  # fmt: skip


def write(folder: Path, outcomes: Sequence[Outcome], when: str) -> None:
    """The page, its sound files and results.json; raises AudioError for a folder that cannot be written to."""
    try:
        import soundfile
    except ImportError:
        raise AudioError('The report\'s sound needs another package: pip install "edge-voice[talk]".') from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in outcomes:
            if len(one.sound):
                soundfile.write(folder / f"{one.scenario.name}.flac", one.sound, OUT_RATE, "PCM_16")
        (folder / PAGE).write_text(page(outcomes, when), encoding="utf-8")
        (folder / DATA).write_text(json.dumps(plain(outcomes), indent=1, ensure_ascii=False), encoding="utf-8")
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(f"The report cannot be written to {folder}: {error}.") from None


def page(outcomes: Sequence[Outcome], when: str) -> str:
    """The whole page: no script, nothing from elsewhere."""
    rows = "".join(
        f'<tr><td class="{_class(one)}">{word(one)}</td><td><a href="#{escape(one.scenario.name)}">'
        f"{escape(one.scenario.name)}</a></td><td>{escape(one.scenario.about)}</td>"
        f'<td class="number">{_latency(one)}</td></tr>'
        for one in outcomes
    )
    head = "<tr><th></th><th>scenario</th><th>what is tried</th><th>slowest first sound</th></tr>"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Spoken scenarios</title><style>{STYLE}</style><h1>Spoken scenarios</h1>"
        f'<p>{escape(summary(outcomes))}</p><p class="soft">edge-voice {escape(__version__)}, {escape(when)}. In the '
        f"recordings the person is left and the device right; latencies are from the end of speech.</p>"
        f'<section class="wide"><table class="summary">{head}{rows}</table></section>'
        f"{''.join(_section(one) for one in outcomes)}</html>"
    )


def _class(outcome: Outcome) -> str:
    return {"skipped": "none", "passed": "good", "failed": "bad"}[word(outcome)]


def _latency(outcome: Outcome) -> str:
    times = [seen.latency_ms["first_sound"] for seen in outcome.observed if "first_sound" in seen.latency_ms]
    return f"{max(times)} ms" if times else "-"


def _section(one: Outcome) -> str:
    name = escape(one.scenario.name)
    sound = f'<audio controls preload="none" src="{name}.flac"></audio>' if len(one.sound) else ""
    skipped = f'<p class="none">Skipped: {escape(one.skipped)}.</p>' if one.skipped else ""
    turns = zip(one.scenario.turns, one.observed, one.wrong, strict=False)
    rows = "".join(_row(n, *each) for n, each in enumerate(turns, 1))
    early = "" if one.observed else _list([text for wrong in one.wrong for text in wrong])
    head = "<tr><th></th><th>person</th><th>device</th><th>tools</th><th>first sound</th></tr>"
    table = f'<div class="wide"><table>{head}{rows}</table></div>' if rows else ""
    return (
        f'<section id="{name}"><header class="one"><h2>{name}</h2>'
        f'<span class="soft">{escape(one.scenario.about)}</span>'
        f'<span class="verdict {_class(one)}">{word(one)}</span></header>{sound}{skipped}{early}{table}</section>'
    )


def _row(number: int, turn: Turn, seen: Observed, wrong: list[str]) -> str:
    cut = f"<p class='cut'>{turn.into_reply_s:g} s into the reply before</p>" if turn.into_reply_s is not None else ""
    heard = "" if turn.mode == "type" else f"<p class='soft'>understood: {escape(seen.heard) or 'nothing'}</p>"
    first = seen.latency_ms.get("first_sound")
    said = escape(seen.said.strip()) or '<span class="soft">nothing</span>'
    person = escape(Path(turn.what).name if turn.mode == "audio" else turn.what)
    return (
        f'<tr><td class="{"wrong" if wrong else "right"}">{number}</td>'
        f"<td>{person} <span class='soft'>({'typed' if turn.mode == 'type' else turn.mode})</span>{cut}{heard}</td>"
        f"<td>{said}{_list(wrong)}</td><td><code>{escape(told(seen.tools))}</code></td>"
        f'<td class="number">{"-" if first is None else f"{first} ms"}</td></tr>'
    )


def _list(wrong: list[str]) -> str:
    return f'<ul class="bad">{"".join(f"<li>{escape(text)}</li>" for text in wrong)}</ul>' if wrong else ""
