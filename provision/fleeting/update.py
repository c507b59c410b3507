"""`update`: waves over SSH."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from provision.fleeting import bundles
from provision.fleeting.bundles import Bundle
from provision.fleeting.context import Context
from provision.fleeting.errors import FleetError
from provision.fleeting.playing import How, Player, Seen
from provision.fleeting.schema import Member
from provision.fleeting.updating import Result, roll_out
from provision.fleeting.waves import Candidate, Outcome, Policy, Wave, plan, standing

REASON = {
    Outcome.GOOD: "have it", Outcome.FAILED: "failed", Outcome.PENDING: "pending: run this again when they are back",
    Outcome.DUE: "not begun", Outcome.NEWER: "have a later one",
}  # fmt: skip


def update(context: Context) -> int:
    """Exit code 0 only if no device is left without the release."""
    fleet, members = context.fleet, context.members()
    if not fleet.keys:
        raise FleetError("fleet.keys names no public key to check bundles with.")
    bundle = bundles.open_bundle(context.options.bundle, fleet.keys)
    settings = fleet.update
    policy = Policy(settings.waves, settings.failure_percent, settings.canaries_needed, fleet.settings.forks)
    waves = plan([Candidate(one.name, one.ring, one.own.canary) for one in members], policy)
    hands = SshHands(context.player(), members, bundle, settings.soak_minutes * 60, now=context.options.now)
    found = hands.standing()
    if context.options.dry_run:
        print(_planned(waves, found, bundle))
        return 0
    result = roll_out(waves, policy, found, hands)
    print(_told(result, bundle, hands.why))
    return 0 if not result.halted and set(result.outcomes.values()) <= {Outcome.GOOD, Outcome.NEWER} else 1


def _planned(waves: Sequence[Wave], found: Mapping[str, Outcome], bundle: Bundle) -> str:
    def line(wave: Wave) -> str:
        return f"wave {wave.title}: " + ", ".join(f"{name} ({found[name]})" for name in wave.names)

    return "\n".join([f"{bundle.name}:", *map(line, waves)])


def _told(result: Result, bundle: Bundle, why: Mapping[str, str]) -> str:
    lines = [f"{name}: {why[name]}" for name in result.of(Outcome.FAILED) + result.of(Outcome.PENDING) if why.get(name)]
    for outcome, words in REASON.items():
        if names := result.of(outcome):
            lines.append(f"{len(names)} {words}: {', '.join(names)}")
    end = f"HALTED: {result.halted}" if result.halted else f"{bundle.name} has gone out."
    return "\n".join([*lines, end])


class SshHands:
    """Hands, by Ansible. A device counts as good only if it says so itself: no rescue can hide that it went back."""

    def __init__(self, player: Player, members: Sequence[Member], bundle: Bundle, soak_s: float, *,
                 now: bool = False) -> None:  # fmt: skip
        self._player, self._bundle, self._soak_s, self._now = player, bundle, soak_s, now
        self._members = {member.name: member for member in members}
        self._well: dict[str, bool] = {}
        self.why: dict[str, str] = {}

    def standing(self) -> dict[str, Outcome]:
        """Of all, before anything is done."""
        seen = self._player.play("status", self._members.values())
        self._well = {name: bool(one.look.get("well")) for name, one in seen.items()}
        found = {name: standing(self._bundle.sequence, _update(one)) for name, one in seen.items()}
        for name, one in found.items():
            if one is Outcome.FAILED:
                self.why[name] = f"It went back from {self._bundle.name} before: {_reason(seen[name])}"
            elif one is Outcome.PENDING:
                self.why[name] = seen[name].why or _not_ready(_update(seen[name]))
        return found

    def take(self, names: Sequence[str]) -> dict[str, Outcome]:
        """See Hands."""
        variables = {"release_bundle": str(self._bundle.path), "release_sequence": self._bundle.sequence,
                     "release_megabytes": self._bundle.megabytes, "release_now": self._now}  # fmt: skip
        seen = self._player.play("update", [self._members[name] for name in names], How(variables=variables))
        found = {name: outcome(self._bundle.sequence, one) for name, one in seen.items()}
        for name, one in found.items():
            self.why[name] = "" if one is Outcome.GOOD else seen[name].why or "It does not run the new release."
            self.tell(f"  {name}: {one}{f': {self.why[name]}' if self.why[name] else ''}")
        return found

    def soak(self, names: Sequence[str]) -> dict[str, Outcome]:
        """See Hands."""
        self.tell(f"soaking for {self._soak_s / 60:g} minutes")
        time.sleep(self._soak_s)
        seen = self._player.play("status", [self._members[name] for name in names])
        found = {name: self._after(name, one) for name, one in seen.items()}
        for name, one in found.items():
            if one is Outcome.FAILED:
                self.why[name] = "After the soak it did not run the new release well any more."
                self.tell(f"  {name}: {self.why[name]}")
        return found

    def _after(self, name: str, seen: Seen) -> Outcome:
        if seen.state == "unreachable":
            return Outcome.PENDING
        kept = outcome(self._bundle.sequence, seen) is Outcome.GOOD
        return Outcome.GOOD if kept and (seen.look.get("well") or not self._well[name]) else Outcome.FAILED

    def tell(self, text: str) -> None:
        """See Hands."""
        print(text, flush=True)


def outcome(sequence: int, seen: Seen) -> Outcome:
    """What has become of a device that was begun."""
    if seen.state != "ok":
        away = seen.state == "unreachable" and not seen.began
        return Outcome.PENDING if away or seen.not_now else Outcome.FAILED
    update = _update(seen) or {}
    good = update.get("sequence") == sequence and update.get("state") == "committed"
    return Outcome.GOOD if good else Outcome.FAILED


def _update(seen: Seen) -> Mapping[str, Any] | None:
    return seen.look.get("update") if seen.state == "ok" else None


def _reason(seen: Seen) -> str:
    last = (_update(seen) or {}).get("last") or {}
    return str(last.get("reason", ""))


def _not_ready(update: Mapping[str, Any] | None) -> str:
    if update and update.get("sequence"):
        return "It is trying a release just now."
    return "Nothing is installed yet: provision/fleet apply"
