"""What the audio path costs: its parts per 10 ms, and the daemon's threads while it listens and speaks.

All of it is processor time of threads, so that others on the machine disturb little. Between two pieces the daemon
sleeps, and the processor's caches are somebody else's; so each part is measured in a row as well as with the pauses
that it has in life.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import numpy as np

from edge.audio.convert import FRAME, Format
from edge.audio.echo import EchoCanceller
from edge.audio.far import FarEnd
from edge.audio.feed import AHEAD_S, Feed
from edge.audio.guard import Guard
from edge.audio.microphone import NICE
from edge.audio.pickup import Pickup
from edge.audio.ring import Ring
from edge.audio.speaker import QueueSpeaker
from edge.audio.vad import Vad
from edge.core.near_end import NearEnd, NearEndSettings
from tests.bench.clips import DATA
from tests.bench.realtime import Served
from tests.bench.table import show
from tests.rig import Rig, Running, rig, wait_for
from tests.signals import Int16, noise, recording

PIECES, PIECE = 200, 2  # frames in a piece: those of a tick while a reply sounds
RATE = 48_000
SECONDS, SETTLE_S = 10.0, 1.5
LONG = DATA / "speech/librivox_0880.flac"
Work = Callable[[int], object]  # on the piece of that number


def _sounds() -> tuple[Int16, Int16]:
    """(what plays, what the microphone hears of it), frames in rows."""
    count = PIECES * PIECE * FRAME
    far = np.resize(recording(DATA / "speech/librivox_0880.flac"), count)
    near = np.roll(far, 800) // 2 + noise(count / 16_000, loudness=0.001)[:count]
    return far.reshape(-1, FRAME), near.astype(np.int16).reshape(-1, FRAME)


def _capture() -> Work:
    ring, pickup, raw = Ring(RATE, 2, 10.0), Pickup(Format(RATE, 1)), noise(0.01 * PIECE, RATE).tobytes()

    def work(piece: int) -> None:
        start = ring.written
        ring.write(raw, 0.01 * PIECE * piece)
        pickup(ring.read(start, RATE)[0])

    return work


def _cancel() -> Work:
    canceller, (far, near) = EchoCanceller(), _sounds()
    return lambda piece: [canceller.process(near[n], far[n]) for n in _frames(piece)]


def _rest() -> Work:
    canceller, end, (_, near) = EchoCanceller(), FarEnd(), _sounds()
    return lambda piece: [canceller.process(near[n], end.frame(0.01 * n)) for n in _frames(piece)]


def _vad() -> Work:
    vad, (_, near) = Vad(), _sounds()
    return lambda piece: [vad(near[n]) for n in _frames(piece)]


def _guard() -> Work:
    """All of a frame while a reply sounds and nobody is suspected."""
    end, (far, near) = FarEnd(), _sounds()
    guard = Guard(NearEnd(NearEndSettings(mode="duck", least_db=0.0)), end, aside=lambda load: load())
    guard.prepare()

    def work(piece: int) -> None:
        for n in _frames(piece):
            end.sounded(np.repeat(far[n], 3), RATE, 0.01 * n)
            guard.judge(guard.clean(near[n], 0.01 * n), 0.01 * n)

    return work


def _neural() -> Work:
    from edge.audio.features import Ear
    from edge.audio.neural import NeuralVad

    neural, ear, (_, near) = NeuralVad(), Ear(), _sounds()

    def work(piece: int) -> None:
        for n in _frames(piece):
            neural.push(near[n], True)
            ear.push(near[n])
            ear.sound()

    return work


def _render() -> Work:
    speaker = QueueSpeaker(lambda _: None, time.monotonic, 50)
    feed = Feed(speaker)
    speaker.play(1, noise(0.01 * PIECE * PIECES + 1, RATE).tobytes(), RATE)
    left = round((AHEAD_S - 0.01 * PIECE) * RATE)
    return lambda piece: feed.next(round(0.01 * PIECE * RATE), left, 0.01 * PIECE * piece)


def _frames(piece: int) -> range:
    return range(piece * PIECE, (piece + 1) * PIECE)


def _cost(make: Callable[[], Work], pause: float) -> float:
    """Microseconds of processor time per 10 ms."""
    work, used = make(), 0.0
    for piece in range(PIECES):
        time.sleep(pause)
        before = time.thread_time()
        work(piece)
        used += time.thread_time() - before
    return used / PIECES / PIECE * 1e6


def _threads(pid: int) -> Counter[str]:
    """Nanoseconds used: `audio` is the audio thread, `loop` the main one, `sound` the sound server's library."""
    used: Counter[str] = Counter()
    for task in Path(f"/proc/{pid}/task").iterdir():
        name, rest = (task / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
        kind = "loop" if task.name == str(pid) else "audio" if rest.split()[16] == str(NICE) else "other"
        used["sound" if name == "threaded-ml" else kind] += int((task / "schedstat").read_text().split()[0])
    return used


def _row(device: Running, what: str) -> tuple[object, ...]:
    """Percent of a core, over SECONDS."""
    time.sleep(SETTLE_S)
    before = _threads(device.process.pid)
    time.sleep(SECONDS)
    after = _threads(device.process.pid)
    shares = {name: (after[name] - before[name]) / SECONDS / 1e7 for name in after}
    return (what, sum(shares.values()), *(shares.get(name, 0.0) for name in ("audio", "loop", "sound")))


def _talk(sound: Rig) -> None:
    end = time.monotonic() + SETTLE_S + SECONDS
    while time.monotonic() < end:
        sound.speak(LONG)


def states(sound: Rig, barge_in: str) -> list[tuple[object, ...]]:
    """Rows of the second table: a daemon with the Realtime engine, without anybody who watches it."""
    served = Served()
    served.seconds = 4 * SECONDS
    device = Running(
        sound, EDGE_VOICE_ENGINE__USE="realtime", EDGE_VOICE_REALTIME__URL=served.fake.url, OPENAI_API_KEY="bench",
        EDGE_VOICE_CONVERSATION__FOLLOW_UP_S="0", EDGE_VOICE_CONVERSATION__NO_SPEECH_S="100",
        EDGE_VOICE_CONVERSATION__BARGE_IN=barge_in, STATE_DIRECTORY=str(sound.run / "state"),
    )  # fmt: skip
    wait_for(lambda: device.call("status").returncode == 0, 30, "the daemon to be ready", device.text)
    rows = [_row(device, f"{barge_in}: idle")]
    device.call("press")
    rows.append(_row(device, f"{barge_in}: listening, nobody speaks"))
    device.call("press")
    device.call("hold")
    Thread(target=_talk, args=(sound,), daemon=True).start()
    rows.append(_row(device, f"{barge_in}: listening, somebody speaks"))
    device.call("release")  # and the reply is long
    rows.append(_row(device, f"{barge_in}: speaking"))
    device.process.terminate()
    device.process.wait(5)
    return rows


def run() -> None:
    """Both tables."""
    parts = {
        "capture (ring, down to 16 kHz)": _capture, "cancel, far end sounding": _cancel,
        "cancel, far end at rest": _rest, "voice activity": _vad, "cancel, voice activity and judge": _guard,
        "neural and pitch, while suspected": _neural, "render": _render,
    }  # fmt: skip
    show(
        f"The audio path: processor time of a 10 ms frame, {PIECE} at a time (us)",
        ("part", "in a row", f"every {10 * PIECE} ms"),
        [(name, _cost(make, 0.0), _cost(make, 0.01 * PIECE)) for name, make in parts.items()],
    )
    with tempfile.TemporaryDirectory() as folder, rig(Path(folder)) as sound:
        show(
            "The daemon with the Realtime engine (% of a core)",
            ("barge_in: state", "process", "audio thread", "main loop", "sound server's threads"),
            [row for barge_in in ("button", "duck") for row in states(sound, barge_in)],
        )
