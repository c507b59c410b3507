"""The daemon as it is run, its engine at the fake Realtime server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from edge.host import client
from tests.bench.peers.program import RATE, REPLY_S
from tests.bench.realtime import Served
from tests.fakes.realtime.script import Pace, Reply, Request
from tests.rig import Rig, Running

LIMIT_S = 20.0


class Storyteller(Served):
    """Every reply is a part of one recording; a hushed one has nothing to say."""

    def __init__(self, recording: bytes) -> None:
        self._recording = recording
        self.offset_s, self.hushed = 0.0, False
        super().__init__()

    def _reply(self, _request: Request) -> Reply:
        if self.hushed:
            return Reply()
        begin, end = (int(at * RATE) * 2 for at in (self.offset_s, self.offset_s + REPLY_S))
        return Reply("la", self._recording[begin:end], think_ms=300, pace=Pace(speed=2.0))


class Ours:
    """Asked in writing, it answers aloud."""

    name = "edge-voice"

    def __init__(self, device: Running, server: Storyteller) -> None:
        self._device, self._server = device, server

    def begin(self, offset_s: float) -> None:
        self._server.offset_s, self._server.hushed = offset_s, False
        self._command("ask", "Go on.")
        self._device.wait_state("speaking")
        self._server.hushed = True  # whoever interrupts is not answered

    def rest(self) -> None:
        end = time.monotonic() + LIMIT_S
        while (state := self._device.of("state")[-1]["state"]) != "idle":
            if time.monotonic() > end:
                raise TimeoutError(f"the device does not come to rest. {self._device.text()}")
            if state in {"listening", "speaking"}:
                self._command("press")
            time.sleep(0.3)

    def _command(self, name: str, argument: object = None) -> None:
        client.call(self._device.rig.run / "edge-voice" / "control.sock", name, argument)


@contextmanager
def ours(sound: Rig, recording: bytes) -> Iterator[Ours]:
    """Ready to be asked; `recording` is mono, s16le, 24 kHz."""
    server = Storyteller(recording)
    device = Running(
        sound, EDGE_VOICE_ENGINE__USE="realtime", EDGE_VOICE_REALTIME__URL=server.fake.url, OPENAI_API_KEY="bench",
        EDGE_VOICE_CONVERSATION__FOLLOW_UP_S="0", EDGE_VOICE_CONVERSATION__BARGE_IN="duck",
        STATE_DIRECTORY=str(sound.run / "state"),
    )  # fmt: skip
    device.wait_ready()
    yield Ours(device, server)
    device.process.terminate()
    device.process.wait(5)
