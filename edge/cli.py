"""`edge-voice`: the commands. Each one's code is imported only when it is called."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from edge import __version__, insight, remote
from edge.errors import EX_FAILED, DeviceGone, EdgeVoiceError, UsageError
from edge.evals.command import commands as add_eval_commands
from edge.sessions.command import add_commands as add_session_commands

Run = Callable[[argparse.Namespace], int]


def program() -> NoReturn:
    """The process, and its end.

    While a thread is still inside native code (a model that loads, a sound library that hangs) it leaves at once: the
    interpreter's own end would wait for the thread, or abort where it goes on in C++ that must not be unwound.
    """
    code = main()
    if any(thread.daemon for thread in threading.enumerate()):
        logging.shutdown()
        os._exit(code)
    raise SystemExit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. No traceback reaches a user."""
    code = _main(argv)
    try:
        print(end="", flush=True)
    except OSError:  # whoever read it has gone: not the interpreter's business either, which flushes at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EX_FAILED
    return code


def _main(argv: Sequence[str] | None) -> int:
    try:
        return _command(list(sys.argv[1:] if argv is None else argv))
    except SystemExit as end:  # argparse, after --help and --version
        return int(end.code or 0)
    except EdgeVoiceError as error:
        print(f"edge-voice: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output has gone
        return EX_FAILED
    except Exception as error:  # the last boundary: a fault of ours, told in one line
        if os.environ.get("EDGE_VOICE_DEBUG"):
            raise
        print(f"edge-voice: internal error: {error!r}. EDGE_VOICE_DEBUG=1 shows where.", file=sys.stderr)
        return EX_FAILED


def _command(words: list[str]) -> int:
    if words[:1] == ["models"]:  # has subcommands and options of its own
        return _models(words[1:])
    options = _parser().parse_args(words)
    return int(options.run(options))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


class _Help(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog)
        self._action_max_length = (
            16  # argparse forgets the commands' own indentation, and breaks the longest one's line
        )


def _parser() -> _Parser:
    parser = _Parser(
        prog="edge-voice", description="A voice agent for a small Linux device.", epilog="example: edge-voice talk",
        formatter_class=_Help,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"edge-voice {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, about: str, example: str, run: Run) -> _Parser:
        sub: _Parser = commands.add_parser(name, help=about, description=about, epilog=f"example: {example}")
        sub.set_defaults(run=run)
        sub.add_argument("--config", type=Path, metavar="PATH", help="configuration file")
        return sub

    _talk_options(add("talk", "hold a conversation in the terminal", "edge-voice talk --text 'what time is it'", _talk))
    add("run", "run the daemon", "edge-voice run --config /etc/edge-voice/config.toml", _run)
    remote.commands(add)
    insight.commands(add)
    _link_commands(add)
    add_session_commands(add)
    add_eval_commands(add)
    add("devices", "list the sound devices", "edge-voice devices", _devices)
    _calibrate_options(
        add("calibrate", "measure the echo from speaker to microphone", "edge-voice calibrate --plot", _calibrate)
    )
    doctor = add("doctor", "look for what is wrong, and say what to do", "edge-voice doctor", _doctor)
    doctor.add_argument("--json", action="store_true", help="the results, as JSON")
    doctor.add_argument(
        "--thorough", action="store_true", help="play a short sound, hear it come back; read every byte of the models"
    )
    doctor.add_argument(
        "--engines", action="store_true", help="use each vendor's service once, for a fraction of a cent"
    )
    about = "what is said in recordings, when and by whom"
    _transcribe_options(add("transcribe", about, "edge-voice transcribe meeting.mp3", _transcribe))
    config = add("config", "show or check the configuration", "edge-voice config check", _config)
    config.add_argument("what", choices=("show", "check"), help="`show` prints the effective configuration")
    about = "keep the vendors' keys and link devices and pages"
    _relay_options(add("relay", about, "edge-voice relay --listen 127.0.0.1:8080", _relay))
    commands.add_parser("models", help="list, fetch or verify the offline models", add_help=False)
    return parser


def _link_commands(add: Callable[[str, str, str, Run], _Parser]) -> None:
    """Of a device and its relay."""
    add("pair", "link this device to its relay, by a code that you type there", "edge-voice pair", _pair)
    about = "link this device to a relay, by a code from its owner"
    enrol = add("enrol", about, "edge-voice enrol --relay https://voice.example --code CODE", _enrol)
    enrol.add_argument("--relay", default="", metavar="URL", help="the relay; relay.url when left out")
    enrol.add_argument("--code", required=True, metavar="CODE", help="good once, for a day (POST /api/enrolments)")
    add("unenrol", "forget the relay, and have it forget this device", "edge-voice unenrol", _unenrol)


def _relay_options(relay: _Parser) -> None:
    from edge.relay.options import add

    add(relay)


def _talk_options(talk: _Parser) -> None:
    talk.add_argument(
        "--input", type=Path, nargs="+", metavar="FILE", help="sound files spoken in turn, instead of a microphone"
    )
    talk.add_argument(
        "--output", type=Path, metavar="FILE", help="write what is said to this WAV file, instead of a speaker"
    )
    talk.add_argument("--engine", metavar="NAME", help="local, realtime or none; otherwise as configured")
    talk.add_argument(
        "--text", action="append", metavar="TEXT", help="a typed turn (may be repeated); ends after the last answer"
    )
    talk.add_argument("--json", action="store_true", help="one line of JSON an event, and nothing else")


def _calibrate_options(calibrate: _Parser) -> None:
    calibrate.add_argument("--plot", action="store_true", help="draw the room's response in the terminal")
    calibrate.add_argument("--png", type=Path, metavar="FILE", help="draw it to this PNG file")
    calibrate.add_argument("--json", action="store_true", help="the figures and the verdict, as JSON")
    calibrate.add_argument("--yes", action="store_true", help="begin at once, without a question")


def _transcribe_options(transcribe: _Parser) -> None:
    transcribe.add_argument("files", type=Path, nargs="+", metavar="FILE", help="WAV, FLAC, OGG or MP3")
    transcribe.add_argument(
        "--engine", metavar="NAME", default="local",
        help="local (offline, in this process; the default), deepgram, assemblyai, openai or an own [stt.NAME]",
    )  # fmt: skip
    transcribe.add_argument(
        "--speakers", action="store_true", help="tell speakers apart; local cannot: its column shows -"
    )
    transcribe.add_argument("--json", action="store_true", help="one line of JSON a passage, and nothing else")


def _talk(options: argparse.Namespace) -> int:
    from edge.talk import talk

    return talk(options)


def _run(options: argparse.Namespace) -> int:
    from edge.service import serve

    return serve(options.config)


def _pair(options: argparse.Namespace) -> int:
    from edge.config import load
    from edge.host.link_command import pair

    pair(load(options.config), _say)
    return 0


def _enrol(options: argparse.Namespace) -> int:
    from edge.config import load
    from edge.host.link_command import enrol

    enrol(load(options.config), options.relay, options.code, _say)
    return 0


def _unenrol(options: argparse.Namespace) -> int:
    from edge.config import load
    from edge.host.link_command import unenrol

    unenrol(load(options.config), _say)
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


def _devices(_options: argparse.Namespace) -> int:
    from edge.audio.arrays import fitting
    from edge.audio.device import devices

    found = devices()
    if not found:
        raise DeviceGone("No sound devices. Plug in a USB microphone and a speaker, or start the sound server.")
    for d in found:
        array = fitting(d.name) if d.inputs else ""
        print(f"{d.index:3}  {d.inputs:2} in {d.outputs:2} out  {d.rate:6} Hz  {d.name}", end="")
        print(f'  ([audio] array = "{array}")' if array else "")
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    from edge.calibrate import calibrate

    return calibrate(options)


def _transcribe(options: argparse.Namespace) -> int:
    from edge.transcribe import transcribe

    return transcribe(options)


def _doctor(options: argparse.Namespace) -> int:
    from edge.doctor.command import doctor

    return doctor(options)


def _config(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from edge.config import load, show
    from edge.engines import warnings

    config = load(options.config)
    if options.what == "show":
        print(show(config))
    else:
        for warning in warnings(config, datetime.now(UTC).date()):
            print(f"Warning: {warning}.")
        print(f"The configuration is good ({' and '.join(config.sources) or 'all defaults'}).")
    return 0


def _relay(options: argparse.Namespace) -> int:
    from edge.host import journal
    from edge.host.notify import Systemd
    from edge.relay.command import Surroundings, relay

    return relay(options, Surroundings(Systemd, journal.set_up))


def _models(words: list[str]) -> int:
    from edge.agents.local.models import main as models
    from edge.agents.local.setup import models_dir
    from edge.config import load

    return models(words, models_dir(load().local), sys.stdout)


if __name__ == "__main__":
    raise SystemExit(main())
