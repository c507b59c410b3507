"""What can go wrong with the sound on a rig: cards that are pulled out, stand still or lie; a server that ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from tests.rig import INTO_MICROPHONE, RATE, Rig

What = Literal["mic", "spk"]
LOADED = {
    "mic": "module-remap-source source_name={name} master=micfeed.monitor",
    "spk": "module-null-sink sink_name={name} rate=48000 channels=1 format=s16le norewinds=1",
}
STREAMS = {"mic": "source-output", "spk": "sink-input"}
TITLE = {"mic": "USB Mic Array", "spk": "USB Speaker"}


@dataclass
class Cards:
    """The microphone and the loudspeaker of a rig, as they are plugged in at the moment."""

    rig: Rig
    names: dict[str, str] = field(default_factory=lambda: {"mic": "mic", "spk": "spk"})
    _number: int = 1

    # --- plugs --------------------------------------------------------------------------------------

    def unplug(self, what: What) -> None:
        """The streams end, the card and its name are gone."""
        name = self.names.pop(what)
        self._write_devices()
        self.rig.ask("unload-module", self._module(name))
        self._kill_streams(what)  # which the server has just moved to another card

    def plug(self, what: What, *, renamed: bool = False) -> None:
        """The same card again; `renamed`: with another number, and so with another name."""
        self._number += 1
        name = f"{what}{self._number}" if renamed else what
        self.rig.ask("load-module", *LOADED[what].format(name=name).split())
        self.names[what] = name
        self._write_devices()

    def suspend(self, what: What, *, on: bool) -> None:
        """It stands still, and nothing tells."""
        self.rig.pactl("suspend-source" if what == "mic" else "suspend-sink", self.names[what], "1" if on else "0")

    @property
    def speaker(self) -> str:
        """The sink's name."""
        return self.names["spk"]

    def _module(self, name: str) -> str:
        lines = self.rig.ask("list", "short", "modules").splitlines()
        return next(line.split()[0] for line in lines if f"_name={name} " in f"{line} ")

    def _kill_streams(self, what: What) -> None:
        for stream in self._streams(what):
            self._cli(f"kill-{STREAMS[what]} {stream}")

    def _streams(self, what: What) -> list[int]:
        found = json.loads(self.rig.ask("-f", "json", "list", f"{STREAMS[what]}s"))
        return [
            stream["index"] for stream in found if "ALSA plug-in" in stream["properties"].get("application.name", "")
        ]

    def _cli(self, command: str) -> None:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.rig.run / "cli"))
            line.sendall(f"{command}\n".encode())
            line.shutdown(socket.SHUT_WR)
            line.settimeout(5)
            while line.recv(4096):
                pass

    def _write_devices(self) -> None:
        """What ALSA tells programs of the cards that are there."""
        lines = ["</usr/share/alsa/alsa.conf>"]
        for what, name in self.names.items():
            hint = f'hint {{ show on description "{TITLE[what]}" }}'
            lines.append(f"pcm.usb{name} {{ type pulse device {name} {hint} }}")
        aside = self.rig.run / "asound.new"
        aside.write_text("\n".join([*lines, ""]))
        aside.replace(self.rig.run / "asound.conf")  # PortAudio aborts the program over a file without devices

    # --- the server ---------------------------------------------------------------------------------

    def kill_server(self) -> None:
        """It ends without a word."""
        self.rig.server.kill()
        self.rig.server.wait()

    def restart_server(self) -> None:
        """It is started again, with the cards it has at its start."""
        self.names = {"mic": "mic", "spk": "spk"}
        self._write_devices()
        self.rig.serve()

    def freeze_server(self, *, on: bool) -> None:
        """It answers nobody any more, or again."""
        self.rig.server.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    # --- what the microphone hears ------------------------------------------------------------------

    @contextmanager
    def stuck(self) -> Iterator[None]:
        """It delivers one value over and over."""
        file = self.rig.run / "stuck.raw"
        file.write_bytes(np.full(10 * RATE, 1234, "<i2").tobytes())
        endless = self.rig.child(["sh", "-c", f"while cat {file}; do :; done"], stdout=subprocess.PIPE)
        player = self.rig.child([*INTO_MICROPHONE, "--latency-msec=100"], stdin=endless.stdout)
        try:
            yield
        finally:
            for process in (player, endless):
                process.kill()
                process.wait()
            assert endless.stdout is not None
            endless.stdout.close()
