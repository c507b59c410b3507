"""The switch, its trial, and the way back. Any step can be the last before a power cut: `settle` goes on from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from . import files, itself, links, releases
from .decisions import Next, Trial, resume, surplus
from .errors import NotNow, RolledBack, UpdateError
from .health import GOOD, Before, Gate, Look
from .layout import Layout
from .records import BACK, FAILED, Entry, History, end_trial, load_history, load_trial, save_history, save_trial
from .records import GOOD as WELL
from .service import Service
from .settings import Settings

POLL_S, WATCH_S = 0.2, 1.0  # while it starts; afterwards
LOOK_S = 2.0  # afterwards; asking the daemon costs a process
PATIENCE_S = 300.0  # a long conversation; then the update waits for another time
Tell = Callable[[str], None]

SELFTEST_NOT_NOW = 75  # somebody talks to the device, or it is muted


class Switcher:
    """One device's releases in their use."""

    def __init__(self, layout: Layout, settings: Settings, service: Service, tell: Tell) -> None:
        self.layout, self.settings, self.service, self.tell = layout, settings, service, tell

    # --- what is ------------------------------------------------------------------------------------

    @property
    def current(self) -> str:
        """The name of the release that runs, or ""."""
        return self.layout.named_by(self.layout.current)

    @property
    def current_folder(self) -> Path:
        """Its folder."""
        return self.layout.release(self.current)

    def history(self) -> History:
        """What became of updates."""
        return load_history(self.layout)

    def note(self, name: str, sequence: int, result: str, reason: str) -> None:
        """One more entry; a release that was tried and failed is refused from now on."""
        entry = Entry(name.partition("+")[0], sequence, result, reason, self.service.now())
        history = self.history().with_entry(entry)
        save_history(self.layout, history.refusing([sequence]) if result == BACK and sequence else history)

    # --- forward ------------------------------------------------------------------------------------

    def await_quiet(self) -> None:
        """Until nobody is talking; raises NotNow when that takes too long."""
        end = self.service.monotonic() + PATIENCE_S
        while self.service.ask(self.current_folder).busy:
            if self.service.monotonic() > end:
                raise NotNow("Somebody is talking; the update waits for another time.")
            self.service.sleep(LOOK_S)

    def before(self) -> Before:
        """What works now, and so must work afterwards."""
        seen = self.service.ask(self.current_folder)
        if not seen.runs:
            return Before(runs=False)
        return Before(runs=True, well=seen.well is True, relay=seen.relay is True, selftest=self.selftest() is True)

    def selftest(self) -> bool | None:
        """A turn without anybody hearing it; None where the release has no such command, or none can be held now."""
        code, said = self.service.run(self.current_folder, "selftest")
        if code == SELFTEST_NOT_NOW or (code and ("invalid choice" in said or "no command" in said)):
            return None
        return code == 0

    def switch(self, name: str, sequence: int, before: Before) -> None:
        """To a release that is complete; raises RolledBack."""
        origin, earlier = self.current, self.layout.named_by(self.layout.previous)
        save_trial(self.layout, Trial(origin, name, sequence, earlier, 0, self.service.now(), before.worked))
        files.link(self.layout.previous, f"releases/{origin}")
        stopped = self.service.look().active == "inactive"  # by its owner: then it stays so
        began = self.service.monotonic()
        self.point_to(name)
        if stopped:
            self.service.reload()
        else:
            self.service.restart()
        self.watch(before, name, sequence, began)

    def point_to(self, name: str) -> None:
        """The link, and the links that go through it."""
        files.link(self.layout.current, f"releases/{name}")
        self.relink()

    def relink(self, *, commands: bool = False, check: bool = False) -> list[str]:
        """Units as the current release wants them; those that are new are enabled once."""
        changed = links.reconcile(self.layout, systemd_version(self.service), commands=commands, check=check)
        if not check:
            self._enable()
        return changed

    def _enable(self) -> None:
        history = self.history()
        there = {path.name for path in (self.layout.current / "units").glob("edge-voice-*") if _starts_itself(path)}
        if new := sorted(there - set(history.units)):
            self.service.reload()
            self.service.systemctl("--quiet", "enable", *new)
            self.service.systemctl("--quiet", "--no-block", "start", *(name for name in new if name.endswith(".timer")))
            save_history(self.layout, replace(self.history(), units=(*history.units, *new)))

    def watch(self, before: Before, name: str, sequence: int, began: float) -> None:
        """From when it `began`, until it is good, and kept; raises RolledBack."""
        gate, service = Gate(before, self.settings.soak_s), self.service
        asked, verdict = -LOOK_S, ""
        seen = Look()
        while not verdict:
            now = service.monotonic() - began
            seen = service.look()
            if seen.runs and now - asked >= LOOK_S:
                seen, asked = service.ask(self.current_folder), now
                verdict = gate.look(seen, now)
                if not verdict and gate.wants_selftest:
                    verdict = gate.selftest(self.selftest())
            elif not seen.runs:
                verdict = gate.look(seen, now)
            if not verdict:
                service.sleep(WATCH_S if seen.runs else POLL_S)
        if verdict != GOOD:
            self.go_back(verdict)
        self.note(name, sequence, WELL, "")
        end_trial(self.layout)
        self.finish()

    # --- back ---------------------------------------------------------------------------------------

    def go_back(self, reason: str, *, restart: bool = True) -> None:
        """To the release before the trial; raises RolledBack when that is done."""
        trial = load_trial(self.layout)
        if trial is None:
            raise UpdateError("There is no trial to go back from.")
        self.note(trial.target, trial.sequence, BACK, reason)
        if not trial.origin or not self.layout.release(trial.origin).is_dir():
            end_trial(self.layout)
            raise UpdateError(f"{reason} There is no release to go back to.")
        self.point_to(trial.origin)
        self._restore_previous(trial)
        if restart:
            self.service.restart()
        else:
            self.service.reload()
        end_trial(self.layout)
        raise RolledBack(f"{reason} {trial.origin} runs again; sequence {trial.sequence} will not be tried again.")

    def _restore_previous(self, trial: Trial) -> None:
        if trial.earlier:
            files.link(self.layout.previous, f"releases/{trial.earlier}")
        else:
            files.remove(self.layout.previous)

    def rollback(self) -> str:
        """To `previous`, because somebody says so; the present release is refused. Gives where it went."""
        current, previous = self.current, self.layout.named_by(self.layout.previous)
        if not previous or not releases.is_complete(self.layout.release(previous)):
            raise UpdateError("There is no release to go back to.")
        sequence = releases.sequence_of(self.layout.release(current))
        save_trial(self.layout, Trial(previous, current, sequence, "", 0, self.service.now()))
        try:
            self.go_back("As asked for:")
        except RolledBack:
            return previous
        raise UpdateError("It did not go back.")

    # --- afterwards ---------------------------------------------------------------------------------

    def finish(self) -> None:
        """What is left to do for a release that is kept. Can be done again at any time."""
        changed = itself.install(self.layout, self.layout.current / "updater")
        if changed:
            self.tell(changed)
        previous = self.layout.named_by(self.layout.previous)
        for name in surplus(releases.all_releases(self.layout), self.current, previous):
            files.remove_tree(self.layout.release(name))

    def settle(self, *, booting: bool = False) -> Next:
        """Goes on from wherever a killed updater or a power cut has left things; gives what remains to be done.

        At boot the service is not started yet, so nothing is restarted. A trial may remain, to be watched.
        """
        releases.clear(self.layout)
        trial = load_trial(self.layout)
        todo = resume(trial, self.current, self.history().refused, booting=booting)
        if todo is Next.FORGET and trial:
            self._restore_previous(trial)
            end_trial(self.layout)
        elif todo is Next.BACK:
            reason = "It was not found good before the second boot." if booting else "It was going back."
            try:
                self.go_back(reason, restart=not booting)
            except RolledBack as done:
                self.tell(str(done))
        elif todo is Next.WATCH and trial and booting:
            save_trial(self.layout, replace(trial, boots=trial.boots + 1))
        if todo is not Next.WATCH and self.current:
            self.relink()
            self.finish()
        return todo

    def go_on(self) -> None:
        """Settle, and see a trial through that nobody is minding; raises RolledBack."""
        if self.settle() is not Next.WATCH:
            return
        trial = load_trial(self.layout)
        if trial is not None:
            self.tell(f"going on with the trial of {trial.target}")
            before, began = Before.of(trial.worked), self.service.monotonic()
            if before.runs and (self.relink() or not self.service.look().runs):
                self.service.restart()
            self.watch(before, trial.target, trial.sequence, began)

    def failed(self, name: str, sequence: int, reason: str) -> None:
        """Note an update that did not get as far as a trial."""
        self.note(name, sequence, FAILED, reason)


def _starts_itself(path: Path) -> bool:
    """Timers, and the service that looks after trials at boot."""
    return path.suffix == ".timer" or path.name == "edge-voice-trial.service"


def systemd_version(service: Service) -> int:
    """Such as 252; 0 where there is none."""
    words = service.systemctl("--version").split()
    return int(words[1]) if len(words) > 1 and words[1].isdecimal() else 0
