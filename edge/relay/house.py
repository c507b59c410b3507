"""What every part of the relay shares. A part gives `routes(house)` and, where it needs life, `living(house)`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.config import Config
from edge.relay.audit import Audit
from edge.relay.bus import Bus
from edge.relay.doors import Doors, Who
from edge.relay.limits import Limits
from edge.relay.metrics import Metrics
from edge.relay.origins import Origins
from edge.relay.store.database import Store

About = Callable[[Who], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class House:
    """`node` names this process among all; `clock` is monotonic, `now` the wall's, both in seconds.

    `leaving` is set when the process has been told to end: nothing new is begun, devices are sent elsewhere (1012),
    and what still talks has until the process ends (serving.DRAIN_S).
    `about` is what /api/me says of a person: a part appends a function in its `routes`, which gives some of the keys.
    """

    config: Config
    store: Store
    doors: Doors
    limits: Limits
    bus: Bus
    audit: Audit
    metrics: Metrics
    origins: Origins
    node: str
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    about: list[About] = field(default_factory=list)
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
