"""A Pipecat bot without a model: it says one long recording whenever it is told to, and a voice may interrupt it.

Run by a Python that has pipecat-ai[local,silero], with the recording (mono, s16le, 24 kHz) as its argument. It takes
the words `speak SECOND` and `hush` on standard input, a line each, and tells `ready`, `interrupted`, `turn` and
`turn_over` on standard output. Transport, detector and turns are Pipecat's own with their defaults; only the devices
are named.
"""
# mypy: disable-error-code="import-not-found,import-untyped,misc"
# Pipecat is not among this project's packages, so that its classes are of no known type here.

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import pyaudio
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.local.audio import LocalAudioTransport, LocalAudioTransportParams

RATE, SAID_S = 24_000, 20.0
PIECE = 4800  # bytes: 100 ms, as a speech service delivers
TOLD = {
    StartFrame: "ready",
    InterruptionFrame: "interrupted",
    UserStartedSpeakingFrame: "turn",
    UserStoppedSpeakingFrame: "turn_over",
}


class Teller(FrameProcessor):
    """In the place of the model and of its voice."""

    def __init__(self, recording: bytes) -> None:
        super().__init__()
        self._recording = recording

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if type(frame) in TOLD:
            print(TOLD[type(frame)], flush=True)

    async def obey(self, word: str, *second: str) -> None:
        if word == "hush":
            await self.push_frame(InterruptionFrame())
            return
        begin, end = (int((float(second[0]) + more) * RATE) * 2 for more in (0, SAID_S))
        await self.push_frame(TTSStartedFrame())
        for at in range(begin, end, PIECE):
            await self.push_frame(TTSAudioRawFrame(self._recording[at : at + PIECE], RATE, 1))
        await self.push_frame(TTSStoppedFrame())


def device(name: str) -> int:
    """PyAudio's number of a device."""
    audio = pyaudio.PyAudio()
    names = [str(audio.get_device_info_by_index(n)["name"]) for n in range(audio.get_device_count())]
    audio.terminate()
    return next(n for n, each in enumerate(names) if name in each)


def listen(teller: Teller, loop: asyncio.AbstractEventLoop) -> None:
    """Runs in a thread."""
    for line in sys.stdin:
        asyncio.run_coroutine_threadsafe(teller.obey(*line.split()), loop)


async def main(recording: bytes) -> None:
    teller = Teller(recording)
    transport = LocalAudioTransport(
        LocalAudioTransportParams(
            audio_in_enabled=True, audio_out_enabled=True,
            input_device_index=device("usbmic"), output_device_index=device("usbspk"),
        )
    )  # fmt: skip
    user, assistant = LLMContextAggregatorPair(
        LLMContext(),
        realtime_service_mode=True,  # turns by the sound alone: nothing is transcribed here
        user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer()),
    )
    pipeline = Pipeline([transport.input(), user, teller, transport.output(), assistant])
    threading.Thread(target=listen, args=(teller, asyncio.get_running_loop()), daemon=True).start()
    await PipelineRunner(handle_sigint=False).run(PipelineWorker(pipeline, idle_timeout_secs=None))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_bytes()))
