"""An update in waves. `roll_out` decides and keeps count; `Hands` are who does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from provision.fleeting.waves import Outcome, Policy, Wave, batches, halted


class Hands(Protocol):
    """Does what was decided."""

    def take(self, names: Sequence[str]) -> Mapping[str, Outcome]:
        """Bring the release to these; what became of each."""
        ...

    def soak(self, names: Sequence[str]) -> Mapping[str, Outcome]:
        """Wait, and look at these once more: GOOD, FAILED, or PENDING where one cannot be reached just now."""
        ...

    def tell(self, text: str) -> None:
        """A line to the operator."""
        ...


@dataclass
class Result:
    """How it went. `halted` is why it ended early, or ""."""

    outcomes: dict[str, Outcome]
    halted: str = ""
    waves: list[str] = field(default_factory=list)  # those that were begun

    def of(self, outcome: Outcome) -> list[str]:
        """The devices with it."""
        return [name for name, one in self.outcomes.items() if one is outcome]


def roll_out(waves: Sequence[Wave], policy: Policy, standing: Mapping[str, Outcome], hands: Hands) -> Result:
    """Wave after wave, until all have it or something speaks against going on."""
    result = Result(dict(standing))
    for number, wave in enumerate(waves):
        begun = _wave(wave, policy, result, hands)
        if result.halted:
            return result
        after = any(batches(later, result.outcomes, policy) for later in waves[number + 1 :])
        if begun and after:
            _soak(wave, begun, policy, result, hands)
            if result.halted:
                return result
    return result


def _wave(wave: Wave, policy: Policy, result: Result, hands: Hands) -> list[str]:
    """Gives those that were begun; what failed at an earlier run counts too."""
    begun: list[str] = []
    result.halted = halted(wave, result.outcomes, policy)
    for batch in batches(wave, result.outcomes, policy):
        if result.halted:
            break
        if not begun:
            result.waves.append(wave.title)
            hands.tell(f"wave {wave.title}: {len(wave.names)} devices")
        begun += batch
        result.outcomes |= hands.take(batch)
        result.halted = halted(wave, result.outcomes, policy)
    return begun


def _soak(wave: Wave, begun: Sequence[str], policy: Policy, result: Result, hands: Hands) -> None:
    good = [name for name in begun if result.outcomes[name] is Outcome.GOOD]
    if not good:
        return
    found = hands.soak(good)
    # One that is away now has taken it; whether it is well will be seen at the next run.
    result.outcomes |= {name: one for name, one in found.items() if one is Outcome.FAILED}
    result.halted = halted(wave, result.outcomes, policy)
