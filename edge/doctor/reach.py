"""Whether places in the network answer: a name is looked up and a connection opened and closed. Nothing is sent."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from enum import Enum, auto
from threading import Thread

from edge.agents.chained.reach import Place

LIMIT_S = 4.0  # for all together; a resolver may take longer, and cannot be interrupted
CONNECT_S = 1.8  # two addresses fit into the limit


class Step(Enum):
    """How far it came."""

    NAME = auto()
    CONNECTION = auto()
    THERE = auto()


@dataclass(slots=True)
class Attempt:
    """`step` is the one that it failed at or is still busy with; `said`: the system's reason."""

    place: Place
    step: Step = Step.NAME
    said: str = "no answer"
    took_ms: float = 0.0

    def make(self) -> None:
        """Go all the way, or as far as possible."""
        began = time.monotonic()
        try:
            found = socket.getaddrinfo(*self.place, type=socket.SOCK_STREAM)
            self.step = Step.CONNECTION
            for family, kind, protocol, _, address in found:
                if self._connects((family, kind, protocol), address):
                    self.took_ms = (time.monotonic() - began) * 1000
                    self.step = Step.THERE
                    return
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that cannot be one
            self.said = str(getattr(error, "strerror", "") or error)

    def _connects(self, kind: tuple[int, int, int], address: tuple[object, ...]) -> bool:
        try:
            with socket.socket(*kind) as line:
                line.settimeout(CONNECT_S)
                line.connect(address)
        except TimeoutError:
            self.said = "no answer"
        except OSError as error:
            self.said = error.strerror or str(error)
        else:
            return True
        return False


def attempts(places: Iterable[Place], limit_s: float = LIMIT_S) -> list[Attempt]:
    """All at once; those that are not done by then are given as far as they came."""
    running = [Attempt(place) for place in places]
    threads = [Thread(target=one.make, name=f"reach-{i}", daemon=True) for i, one in enumerate(running)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + limit_s
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return [copy(one) for one in running]
