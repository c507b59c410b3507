"""Speech end -> first sound, measured at the (virtual) loudspeaker, on recorded turns in real time."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.bench.clips import Clip, english
from tests.bench.table import median, percentile, show
from tests.bench.words import errors, normal
from tests.rig import Running, rig, wait_for

STAGES = ("turn_end", "transcript", "first_token", "first_audio", "first_sound")


def _one(device: Running, recorder: object, clip: Clip) -> tuple[float, dict[str, int], str] | None:
    """(seconds from the labelled end of speech to the first sound, the daemon's stages, the transcript)."""
    turns, words = len(device.of("turn")), len(device.of("user_transcript"))
    device.call("press")
    device.wait_state("listening")
    time.sleep(0.3)
    began, _ = device.rig.speak(clip.path)
    end = began + clip.speech[-1][1]
    try:
        device.wait_count("turn", turns + 1, 12)
    except TimeoutError:
        device.call("forget")
        device.wait_state("idle")
        return None
    time.sleep(0.3)
    sound = recorder.first_sound(end)  # type: ignore[attr-defined]
    device.call("press")
    device.wait_state("listening")
    device.call("press")
    device.wait_state("idle")
    text = " ".join(e["text"] for e in device.of("user_transcript")[words:] if e["final"])
    return sound - end, device.of("turn")[-1]["latency_ms"], text


def run() -> None:
    """Every English recording once, each as a turn with the language model's answer."""
    with tempfile.TemporaryDirectory() as folder, rig(Path(folder)) as sound:
        device = Running(sound, EDGE_VOICE_CONVERSATION__FOLLOW_UP_S="0")
        device.wait_ready()
        wait_for(lambda: device.status()["engine"]["language_model"] != "loading", 60, "the language model")
        recorder = sound.record()
        results = [(clip, _one(device, recorder, clip)) for clip in english()]
    done = [(clip, result) for clip, result in results if result is not None]
    rows = [(c.name, r[0] * 1000, *(r[1].get(s, "-") for s in STAGES)) for c, r in done]
    show("Turns, ms (first column from the labelled end of speech, at the loudspeaker; stages by the daemon's own clock)",
         ("recording", "heard at", *STAGES), [[*r[:1], round(r[1]), *r[2:]] for r in rows])  # fmt: skip
    heard = [r[0] * 1000 for _, r in done]
    after = [r[1]["first_sound"] - r[1]["turn_end"] for _, r in done]
    wrong = sum(errors(normal(c.transcript), normal(r[2])) for c, r in done)
    total = sum(len(normal(c.transcript)) for c, _ in done)
    show("Summary", ("what", "n", "median", "p95"), [
        ("end of speech -> first sound, endpointing included (ms)", len(heard), round(median(heard)), round(percentile(heard, 0.95))),
        ("end of turn -> first sound (ms)", len(after), round(median(after)), round(percentile(after, 0.95))),
        ("word errors through the device", len(done), f"{100 * wrong / max(1, total):.1f} %", f"{len(results) - len(done)} unanswered"),
    ])  # fmt: skip
