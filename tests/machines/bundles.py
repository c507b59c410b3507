"""Releases for machines: this tree, as an operator would bundle and sign it, and the same with a fault in it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from tests.machines.machine import PYTHON, sources, wheelhouse
from tests.provision import evb

# Where, what stands there, and what stands there instead.
FAULTS = {
    "crash": ("edge/service.py", "    config = wished(load(path))\n", "    raise SystemExit(3)\n"),
    "never": ("edge/host/notify.py", '        self._ready = True\n        self._tell("READY=1", self._news())\n', ""),
    "dies": (
        "edge/service.py", "    config = wished(load(path))\n",
        "    import os, threading\n    threading.Timer(8, os._exit, (3,)).start()\n    config = wished(load(path))\n",
    ),
    "deaf": (
        "edge/audio/device.py", "        if not count:\n            if self.ring.written:",
        "        if not count or time.monotonic() > BROKEN:\n            if self.ring.written:",
    ),
    "good": ("edge/service.py", "    config = wished(load(path))\n", "    config = wished(load(path))  # better\n"),
    "dumb": ("edge/agents/local/worker/voice.py", "in self._hibari.stream(text, self._speed):", "in ():"),
    "picky": (
        "edge/cli.py", "    config = load(options.config)\n    if options.what",
        '    raise UsageError("no configuration pleases me")\n    if options.what',
    ),
}  # fmt: skip


class Bundles:
    """Built as an operator would, from a copy of the tree with a fault in it."""

    def __init__(self, folder: Path, extras: str = "") -> None:
        self._tree, self._out = sources(folder / "tree"), folder / "out"
        self.key = evb.make_keys(folder / "keys")
        self._extras = extras

    def make(self, sequence: int, fault: str, *more: object) -> Path:
        """With one of FAULTS in it; `more` are options of provision/bundle."""
        name, old, new = FAULTS[fault]
        path = self._tree / name
        whole = path.read_text()
        assert old in whole, f"{name} has changed; so must FAULTS"
        path.write_text(whole.replace(old, new, 1) + ("\nBROKEN = time.monotonic() + 8\n" if fault == "deaf" else ""))
        words: tuple[object, ...] = (
            self._tree / "provision/bundle", "--out", self._out, "--arch", os.uname().machine, "--python", PYTHON,
            "--extras", self._extras, "--wheels", wheelhouse("local link"), "--sequence", str(sequence),
            "--key", self.key, *map(str, more),
        )  # fmt: skip
        try:
            done = subprocess.run(
                [str(word) for word in words], capture_output=True, text=True, check=False, env=_environment()
            )
            assert done.returncode == 0, done.stderr
        finally:
            path.write_text(whole)
        return next(self._out.glob(f"*+{sequence}.evb"))


def _environment() -> dict[str, str]:
    return {**os.environ, "SOURCE_DATE_EPOCH": str(int(time.time()) - 3600)}
