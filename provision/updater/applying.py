"""`apply`: from a file to a release that is kept, or to what was there before."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from . import minisign, releases
from .archive import Reader
from .decisions import Facts, in_window, latest, no_room, refusal
from .errors import NotNow, Refused
from .installing import install_device, missing_packages
from .layout import Layout
from .manifest import Manifest, parse
from .records import load_history
from .releases import Builder, Python
from .switching import Switcher

CHECKS = (("config", "check"),)
TRIAL_UNIT = "units/edge-voice-trial.service"


@dataclass(frozen=True)
class How:
    """The options of `apply`."""

    now: bool = False
    install: bool = False


def machine() -> str:
    """As in a target's name."""
    return os.uname().machine


class Applier:
    """Applies bundles to one device."""

    def __init__(self, switcher: Switcher, python: Python) -> None:
        self._switcher, self._python = switcher, python
        self._layout = switcher.layout
        self._target = f"{machine()}-3.{python.minor}"

    def apply(self, path: Path, how: How) -> str:
        """Gives a line about what was done; raises UpdateError otherwise."""
        keys = minisign.load_keys(self._layout.keys)
        try:
            file = path.open("rb")
        except OSError as error:
            raise Refused(f"{path} cannot be read: {error.strerror}.") from None
        with file:
            reader = Reader(file)
            minisign.verify(reader.manifest, reader.signature, keys)
            manifest = parse(reader.manifest)
            if self._is_installed(manifest):
                return self._again(manifest, how)
            self._admit(manifest, how)
            reader.check(manifest)
            return self._take(reader, manifest, how)

    # --- before anything is changed -----------------------------------------------------------------

    def _is_installed(self, manifest: Manifest) -> bool:
        current = self._switcher.current
        if current != manifest.name:
            return False
        if not releases.is_complete(self._layout.release(current), manifest.fingerprint):
            raise Refused(f"{current} is installed already, from another bundle of the same number.")
        return True

    def _again(self, manifest: Manifest, how: How) -> str:
        if how.install:
            install_device(self._switcher)
        return f"{manifest.name} is installed already."

    def _admit(self, manifest: Manifest, how: How) -> None:
        if why := refusal(self.facts(), manifest):
            raise Refused(why)
        if not how.install and not self._switcher.current:
            raise Refused("Nothing is installed here yet; `apply FILE --install` sets a blank machine up.")
        if not how.now and not how.install:
            self._in_window(manifest)

    def _in_window(self, manifest: Manifest) -> None:
        facts = self.facts()
        if self._switcher.settings.window is None:
            return
        if latest(facts, manifest) > facts.now:
            raise NotNow("The clock is not set yet, so it is not known whether this is within the window.")
        local = datetime.fromtimestamp(self._switcher.service.now()).astimezone().time()
        if not in_window(self._switcher.settings.window, local):
            raise NotNow("It is outside of the window for updates.")

    def facts(self) -> Facts:
        """What there is to know of this device now."""
        switcher, layout = self._switcher, self._layout
        manifest = releases.manifest_of(switcher.current_folder) if switcher.current else None
        return Facts(
            switcher.settings.kind, self._target, manifest.sequence if manifest else 0,
            _time(switcher.service.now()), max(self._known(), manifest.created if manifest else _time(0)),
            free_bytes(layout), load_history(layout).refused,
        )  # fmt: skip

    def _known(self) -> datetime:
        """A time that has surely passed: what was noted while the clock was right."""
        last = load_history(self._layout).last
        times = [last.at if last else 0.0]
        with suppress(OSError):
            times.append(self._layout.clock.stat().st_mtime)
        return _time(max(times))

    # --- the release --------------------------------------------------------------------------------

    def _take(self, reader: Reader, manifest: Manifest, how: How) -> str:
        builder = Builder(self._layout, manifest, self._target, self._python)
        wheels = builder.wheels(reader)
        if not builder.is_built():
            if why := no_room(builder.need_bytes(wheels), free_bytes(self._layout)):
                raise Refused(why)
            if how.install:
                missing_packages(self._layout, reader, manifest.packages(self._target))
            self._switcher.tell(f"unpacking {manifest.name}")
            builder.build(reader)
            if manifest.below("models"):
                self._switcher.service.run_as_root(self._layout.release(manifest.name), "models", "verify")
        if not self._switcher.current:
            return self._first(manifest)
        self._try_out(manifest)
        before = self._switcher.before()
        if not how.now:
            self._switcher.await_quiet()
            self._in_window(manifest)
        self._switcher.tell(f"switching to {manifest.name}")
        self._switcher.switch(manifest.name, manifest.sequence, before)
        if how.install:
            install_device(self._switcher)
        return f"{manifest.name} runs, and is kept."

    def _first(self, manifest: Manifest) -> str:
        """On a blank machine: there is nothing to go back to, so nothing is on trial."""
        self._switcher.point_to(manifest.name)
        install_device(self._switcher)
        self._switcher.note(manifest.name, manifest.sequence, "good", "")
        return f"{manifest.name} is installed."

    def _try_out(self, manifest: Manifest) -> None:
        """The new release on the device's own configuration and models, while the old one still runs."""
        switcher, release = self._switcher, self._layout.release(manifest.name)
        if not (release / TRIAL_UNIT).exists() and (switcher.current_folder / TRIAL_UNIT).exists():
            raise self._unfit(manifest, f"It lacks {TRIAL_UNIT}, without which nothing brings a device back at boot.")
        for words in CHECKS:
            code, said = switcher.service.run(release, *words)
            if code and switcher.service.run(switcher.current_folder, *words)[0] == 0:
                raise self._unfit(manifest, f"Its `{' '.join(words)}` fails on this device: {last_line(said)}")
        if lost := self._models(self._switcher.current_folder) - self._models(release):
            raise self._unfit(manifest, f"It lacks models that work now: {', '.join(sorted(lost))}.")

    def _unfit(self, manifest: Manifest, why: str) -> Refused:
        shutil.rmtree(self._layout.release(manifest.name), ignore_errors=True)
        self._switcher.failed(manifest.name, manifest.sequence, why)
        return Refused(why)

    def _models(self, release: Path) -> set[str]:
        """What the offline engine can do with what is here: purposes, since models may have other names."""
        code, said = self._switcher.service.run(release, "models", "list", "--json")
        try:
            return (
                {str(model["purpose"]) for model in json.loads(said) if model["state"] == "ok"} if not code else set()
            )
        except (ValueError, KeyError, TypeError):
            return set()


def last_line(text: str) -> str:
    """Of what a program said."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def free_bytes(layout: Layout) -> int:
    """For root; of the nearest folder that is there."""
    folder = next(path for path in (layout.opt, *layout.opt.parents) if path.exists())
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize
