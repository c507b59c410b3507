"""`edge-voice status`, `say`, `press` and the others that are said to a running daemon."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial

from edge.errors import EX_FAILED, ControlError, UsageError

Run = Callable[[argparse.Namespace], int]

EX_NOT_NOW = 75  # sysexits.h: EX_TEMPFAIL
SELFTEST_S = 60.0  # above what it takes itself at most

REMOTE = {
    "press": "press the button: start talking, interrupt, or end the wait",
    "hold": "hold the button down (push-to-talk) until `release`",
    "release": "let the button go",
    "mute": "close the microphone",
    "unmute": "open the microphone",
}


def commands(add: Callable[[str, str, str, Run], argparse.ArgumentParser]) -> None:
    """Put them among the commands; `add` takes a name, what it does, an example and what runs it."""
    about = "tell how the daemon is; exit 0 only if a turn could be held now"
    status = add("status", about, "edge-voice status", _status)
    status.add_argument("--json", action="store_true", help="everything, as JSON")
    add("watch", "print every event as a line of JSON", "edge-voice watch", _watch)
    about = "hold a turn without a person and without a sound; exit 0 if it was answered"
    selftest = add("selftest", about, "edge-voice selftest", _selftest)
    selftest.add_argument("--json", action="store_true", help="the result, as JSON")
    for name, about in REMOTE.items():
        add(name, about, f"edge-voice {name}", partial(_remote, name))
    about = "forget the conversation"
    forget = add("forget", about, "edge-voice forget --everything", _forget)
    forget.add_argument("--everything", action="store_true", help="what it remembers and all recordings as well")
    about = "list the timers, alarms and reminders that are set"
    timers = add("timers", about, "edge-voice timers", _timers)
    timers.add_argument("--json", action="store_true", help="the list, as JSON")
    volume = add("volume", "tell or set the volume in percent", "edge-voice volume 60", _volume)
    volume.add_argument("percent", nargs="?", help="0 to 100")
    about = "tell or change what can be changed while the daemon runs, and outlives its restart"
    settings = add("settings", about, "edge-voice settings conversation.follow_up_s=8", _settings)
    settings.add_argument("given", nargs="*", metavar="KEY=VALUE", help="KEY= goes back to what is configured")
    settings.add_argument("--json", action="store_true", help="all of them with their bounds, as JSON")
    for name, about in (("say", "have a text spoken as it stands"), ("ask", "ask by text; the answer is spoken")):
        command = add(name, about, f"edge-voice {name} 'hello there'", partial(_remote, name))
        command.add_argument("text", nargs="+", help="the text")


def _remote(command: str, options: argparse.Namespace) -> int:
    from edge.host import client, control

    words = getattr(options, "text", None)
    client.call(control.socket_path(), command, " ".join(words) if words else None)
    return 0


def _forget(options: argparse.Namespace) -> int:
    from edge.host import client, control

    client.call(control.socket_path(), "forget", "everything" if options.everything else None)
    return 0


def _volume(options: argparse.Namespace) -> int:
    from edge.host import client, control

    print(f"{client.call(control.socket_path(), 'volume', options.percent)['percent']} %")
    return 0


def _settings(options: argparse.Namespace) -> int:
    from edge.host import client, control

    given = dict(map(_setting, options.given)) or None
    found = client.call(control.socket_path(), "settings", given)["settings"]
    if options.json:
        print(json.dumps(found, indent=1))
        return 0
    for key, about in found.items():
        changed = f"  (configured: {json.dumps(about['configured'])})" if "configured" in about else ""
        if given is None or key in given:
            print(f"{key:36} {json.dumps(about['value'])}{changed}")
    return 0


def _setting(words: str) -> tuple[str, object]:
    """KEY=VALUE; a value that is neither a number nor true or false is a text."""
    key, equals, value = words.partition("=")
    if not equals:
        raise UsageError(f"{words!r} is no KEY=VALUE, such as conversation.follow_up_s=8.")
    try:
        return key, json.loads(value) if value else None
    except ValueError:
        return key, value


def _timers(options: argparse.Namespace) -> int:
    from edge.host import client, control
    from edge.panel.plain import timer_line

    found = client.call(control.socket_path(), "timers")["timers"]
    print(json.dumps(found) if options.json else "\n".join(map(timer_line, found)) or "Nothing is set.")
    return 0


def _status(options: argparse.Namespace) -> int:
    from edge.host import client, control

    status = client.call(control.socket_path(), "status")
    print(json.dumps(status, indent=1) if options.json else _summary(status))
    return 0 if status["ready"] else EX_FAILED


def _summary(status: dict[str, object]) -> str:
    ready = "ready for a turn" if status["ready"] else "not ready for a turn"
    engine, microphone, speaker = (status.get(part) for part in ("engine", "microphone", "speaker"))
    lines = [f"{status['state']}, {ready}; up {status['uptime_s']} s, version {status['version']}"]
    for name, part in (("engine", engine), ("microphone", microphone), ("speaker", speaker)):
        facts = part.items() if isinstance(part, dict) else ()
        lines.append(
            f"{name + ':':11} " + ", ".join(f"{key} {value}" for key, value in facts if value not in (None, "", {}))
        )
    link = status.get("link")
    if isinstance(link, dict) and link["standing"] != "off":
        told = [str(link[key]) for key in ("standing", "relay", "problem") if link[key]]
        lines.append(f"{'relay:':11} {', '.join(told)}")
    timers = status.get("timers")
    if isinstance(timers, list) and timers:
        lines.append(f"{'timers:':11} {len(timers)} (edge-voice timers)")
    budget = status.get("budget")
    if isinstance(budget, dict) and (budget["today"] or budget["daily"]):
        limit = f" of {budget['daily']:.2f}" if budget["daily"] else ""
        today = f"{budget['today']:.4f}{limit} {budget['currency']} today ({budget['state']})"
        lines.append(f"{'money:':11} {today}, about {budget['forecast']:.2f} this month")
    servers = status.get("tool_servers")
    for name, about in servers.items() if isinstance(servers, dict) else ():
        lines.append(f"{'tools:':11} {name}, {about['problem'] or str(about['tools']) + ' tools'}")
    recording = status.get("recording")
    if isinstance(recording, dict) and recording["on"]:
        lines.append(f"{'recording:':11} yes (edge-voice record off)")
    for name in ("problems", "panel"):
        problems = status.get(name)
        lines += [f"problem:    {problem}" for problem in problems] if isinstance(problems, list) else []
    return "\n".join(lines)


def _selftest(options: argparse.Namespace) -> int:
    from edge.host import client, control

    try:
        result = client.await_event(control.socket_path(), "selftest", "selftest", SELFTEST_S)
    except ControlError as error:  # no turn was tried: in an update this speaks neither for nor against the release
        print(f"edge-voice: {error}", file=sys.stderr)
        return EX_NOT_NOW
    if options.json:
        print(json.dumps(result))
    elif result["ok"]:
        print(f"A turn was held: {result['engine']} answered, and the loudspeaker took it.")
    else:
        print(f"No turn could be held: {result['why'] or 'nobody answered'}.")
    return 0 if result["ok"] else EX_FAILED


def _watch(_options: argparse.Namespace) -> int:
    from edge.host import client, control

    for event in client.watch(control.socket_path()):
        print(json.dumps(event), flush=True)
    return EX_FAILED  # the daemon has gone
