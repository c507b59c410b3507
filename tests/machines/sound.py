"""The rig's sound devices, as they are found in a machine."""

from __future__ import annotations

import re

import numpy as np

from tests.rig import Rig


def asound(rig: Rig) -> str:
    """The machine's /etc/asound.conf; the rig's folder is bound to /run/fakeaudio there."""
    lines = (rig.run / "asound.conf").read_text().replace("</usr/share/alsa/alsa.conf>", "")
    return re.sub(r"type pulse", 'type pulse server "unix:/run/fakeaudio/native"', lines)


def is_loud(samples: np.ndarray) -> bool:
    """Somebody speaks."""
    return bool(samples.size) and int(np.abs(samples.astype(np.int32)).max()) > 1000
