"""What the audio path costs: its parts per 10 ms, and the daemon's threads while it listens and speaks.

All of it is processor time of threads, so that others on the machine disturb little. Between two pieces the daemon
sleeps, and the processor's caches are somebody else's; so each part is measured in a row as well as with the pauses
that it has in life. What others do to the caches still counts: the daemon's rows are medians of several runs.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import numpy as np
import soxr

from edge.audio.convert import FRAME, SILENCE, Format
from edge.audio.device import PIECE_S
from edge.audio.echo import EchoCanceller
from edge.audio.far import FarEnd
from edge.audio.feed import AHEAD_S, Feed
from edge.audio.guard import Guard
from edge.audio.microphone import NICE
from edge.audio.pace import may_wait
from edge.audio.pickup import Pickup
from edge.audio.ring import Ring
from edge.audio.speaker import QueueSpeaker
from edge.audio.vad import Vad
from edge.core.near_end import NearEnd, NearEndSettings
from tests.bench.clips import DATA
from tests.bench.closed_loop import ROOM_DB
from tests.bench.realtime import Served
from tests.bench.table import median, show
from tests.fakes.realtime.script import Reply, Request
from tests.rig import Rig, Running, missing, rig, wait_for
from tests.signals import Int16, noise, recording

FRAMES = 480  # of each part
RATE = 48_000
SECONDS, RUNS, SETTLE_S = 4.0, 3, 1.5
LOOK, ECHO, STILL = 2, 2, 12  # frames together while a reply sounds: looked at; worked on over its echo, and without
PLAYED = round(PIECE_S * 100)
ECHO_DB = -6.0
LIMIT_S = 60.0  # of a reply
LONG = DATA / "speech/librivox_0880.flac"
Work = Callable[[slice], object]  # on these frames


def _sounds() -> tuple[Int16, Int16]:
    """(what plays, what the microphone hears of it), frames in rows."""
    count = FRAMES * FRAME
    far = np.resize(recording(LONG), count)
    near = np.roll(far, 800) // 2 + noise(count / 16_000, loudness=0.001)[:count]
    return far.reshape(-1, FRAME), near.astype(np.int16).reshape(-1, FRAME)


def _ats(frames: slice) -> list[float]:
    return [0.01 * n for n in range(frames.start, frames.stop)]


def _store() -> Work:
    ring, raw = Ring(RATE, 2, 10.0), noise(0.01 * FRAMES, RATE)
    return lambda frames: ring.write(raw[frames.start * 480 : frames.stop * 480].tobytes(), 0.01 * frames.stop)


def _look() -> Work:
    """What is done with a piece in which nobody can be speaking."""
    ring, pickup, raw = Ring(RATE, 2, 10.0), Pickup(Format(RATE, 1)), noise(0.02, RATE, loudness=0.001)
    ring.write(raw.tobytes(), 0.02)
    guard = Guard(NearEnd(NearEndSettings(mode="duck")), FarEnd())
    return lambda frames: may_wait(guard, pickup.level_db(ring.last(0)), frames.stop - frames.start)


def _down() -> Work:
    ring, pickup, raw = Ring(RATE, 2, 10.0), Pickup(Format(RATE, 1)), noise(0.01 * FRAMES, RATE)
    ring.write(raw.tobytes(), 0.01 * FRAMES)
    return lambda frames: pickup(ring.read(frames.start * 480, (frames.stop - frames.start) * 480)[0])


def _aec3() -> Work:
    canceller, (far, near) = EchoCanceller(), _sounds()
    bare = canceller._canceller  # the library alone
    return lambda frames: bare.process(near[frames].reshape(-1), far[frames].reshape(-1))


def _cancel() -> Work:
    canceller, (far, near) = EchoCanceller(), _sounds()
    return lambda frames: canceller.process(near[frames].reshape(-1), far[frames].reshape(-1))


def _rest() -> Work:
    canceller, (_, near) = EchoCanceller(), _sounds()
    return lambda frames: canceller.process(near[frames].reshape(-1), SILENCE)


def _vad() -> Work:
    vad, (_, near) = Vad(), _sounds()
    return lambda frames: [vad(frame) for frame in near[frames]]


def _guard() -> Work:
    """All of a frame while a reply sounds and nobody is suspected."""
    end, (far, near) = FarEnd(), _sounds()
    guard = Guard(NearEnd(NearEndSettings(mode="duck", least_db=0.0)), end, aside=lambda load: load())
    guard.prepare()

    def work(frames: slice) -> None:
        end.sounded(np.repeat(far[frames].reshape(-1), 3), RATE, 0.01 * frames.start)
        ats = _ats(frames)
        for at, frame in zip(ats, guard.cleaned(near[frames].reshape(-1), ats), strict=True):
            guard.judge(frame, at)

    return work


def _neural() -> Work:
    from edge.audio.features import Ear
    from edge.audio.neural import NeuralVad

    neural, ear, (_, near) = NeuralVad(), Ear(), _sounds()

    def work(frames: slice) -> None:
        for frame in near[frames]:
            neural.push(frame, True)
            ear.push(frame)
            ear.sound()

    return work


def _render() -> Work:
    speaker = QueueSpeaker(lambda _: None, time.monotonic, 50)
    feed = Feed(speaker)
    speaker.play(1, noise(0.01 * FRAMES + 1, RATE).tobytes(), RATE)
    left = round((AHEAD_S - PIECE_S) * RATE)
    return lambda frames: feed.next((frames.stop - frames.start) * 480, left, 0.01 * frames.start)


def _cost(make: Callable[[], Work], together: int, *, pauses: bool) -> float:
    """Microseconds of processor time per 10 ms, the median of all pieces."""
    work, used = make(), []
    for begin in range(0, FRAMES, together):
        time.sleep(0.01 * together if pauses else 0)
        before = time.thread_time()
        work(slice(begin, begin + together))
        used.append(time.thread_time() - before)
    return median(used) / together * 1e6


def parts() -> list[tuple[object, ...]]:
    """Rows of the first table."""
    steps: list[tuple[str, Callable[[], Work], int]] = [
        ("keep what the card gave", _store, LOOK), ("look at it: nobody can be speaking", _look, LOOK),
        ("down to 16 kHz", _down, STILL), ("AEC3 alone", _aec3, STILL),
        ("cancel, far end sounding", _cancel, STILL), ("cancel, far end at rest", _rest, STILL),
        ("voice activity", _vad, STILL), ("cancel, voice activity and judge", _guard, STILL),
        ("the same over the reply's echo", _guard, ECHO), ("AEC3 alone over echo", _aec3, ECHO),
        ("neural and pitch, while suspected", _neural, 1), ("render a reply", _render, PLAYED),
    ]  # fmt: skip
    return [(name, n, *(_cost(make, n, pauses=pauses) for pauses in (False, True))) for name, make, n in steps]


def _threads(pid: int) -> Counter[str]:
    """Nanoseconds used: `audio` is the audio thread, `loop` the main one, `sound` the sound server's library."""
    used: Counter[str] = Counter()
    for task in Path(f"/proc/{pid}/task").iterdir():
        name, rest = (task / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
        kind = "loop" if task.name == str(pid) else "audio" if rest.split()[16] == str(NICE) else "other"
        used["sound" if name == "threaded-ml" else kind] += int((task / "schedstat").read_text().split()[0])
    return used


def _row(device: Running, what: str) -> tuple[object, ...]:
    """Percent of a core, medians of RUNS times SECONDS; and all that was measured of the process."""
    time.sleep(SETTLE_S)
    runs = []
    for _ in range(RUNS):
        before = _threads(device.process.pid)
        time.sleep(SECONDS)
        after = _threads(device.process.pid)
        runs.append({name: (after[name] - before[name]) / SECONDS / 1e7 for name in after})
    whole = sorted(sum(run.values()) for run in runs)
    shares = (median([run.get(name, 0.0) for run in runs]) for name in ("audio", "loop", "sound"))
    return (what, median(whole), *shares, f"{whole[0]:.2f}-{whole[-1]:.2f}")


class Spoken(Served):
    """The fake server with a long reply of recorded speech."""

    def __init__(self) -> None:
        super().__init__()
        said = soxr.resample(recording(LONG), 16_000, 24_000)
        self._pcm = np.resize(said, round(24_000 * LIMIT_S)).astype(np.int16).tobytes()

    def _reply(self, _request: Request) -> Reply:
        return Reply("la", self._pcm, think_ms=300, pace=self.pace)


def _talk(sound: Rig) -> None:
    end = time.monotonic() + SETTLE_S + RUNS * SECONDS
    while time.monotonic() < end:
        sound.speak(LONG)


def states(sound: Rig, barge_in: str) -> list[tuple[object, ...]]:
    """Rows of the second table: a daemon with the Realtime engine, without anybody who watches it."""
    served = Spoken()
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
    time.sleep(SETTLE_S)
    rows.append(_row(device, f"{barge_in}: speaking"))
    if barge_in != "button":
        with sound.echo(ECHO_DB):
            time.sleep(SETTLE_S)
            rows.append(_row(device, f"{barge_in}: speaking, {-ECHO_DB:.0f} dB of echo loss"))
    device.process.terminate()
    device.process.wait(5)
    return rows


def run() -> None:
    """Both tables."""
    show(
        "The audio path: processor time of a 10 ms frame (us)",
        ("part", "frames together", "in a row", "as they come"),
        parts(),
    )
    if missing():
        print(f"The daemon is not measured: {', '.join(missing())} are not here.")
        return
    with tempfile.TemporaryDirectory() as folder, rig(Path(folder)) as sound:
        sound.noise(ROOM_DB)
        show(
            f"The daemon with the Realtime engine (% of a core, median of {RUNS} times {SECONDS:.0f} s)",
            ("barge_in: state", "process", "audio thread", "main loop", "sound server's threads", "process, all runs"),
            [row for barge_in in ("button", "duck") for row in states(sound, barge_in)],
        )
