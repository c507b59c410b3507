"""Speech end -> first sound, measured at the (virtual) loudspeaker, on recorded turns in real time."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.bench.clips import Clip, english
from tests.bench.table import median, percentile, show
from tests.bench.words import errors, normal
from tests.rig import Recorder, Running, rig, wait_for

STAGES = ("turn_end", "transcript", "first_token", "first_audio", "first_sound")


def _one(device: Running, recorder: Recorder, clip: Clip) -> tuple[float, dict[str, int], str] | None:
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
    cut = max(at for at, event in device.events if event["event"] == "turn") < end
    sound = recorder.first_sound(end)
    device.call("press")
    device.wait_state("listening")
    device.call("press")
    device.wait_state("idle")
    finals = [e["text"] for e in device.of("user_transcript")[words:] if e["final"]]
    text = finals[-1] if finals else ""  # a turn that went on is told whole
    if cut or sound is None:  # answered in a pause: counted by `endpointing`
        return None
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
    rows = [(c.name, round(r[0] * 1000), *(r[1].get(stage, "-") for stage in STAGES)) for c, r in done]
    title = "Turns, ms (at the loudspeaker, from the labelled end of speech; stages by the daemon's own clock)"
    show(title, ("recording", "heard at", *STAGES), rows)
    heard = [r[0] * 1000 for _, r in done]
    after = [float(r[1]["first_sound"] - r[1]["turn_end"]) for _, r in done]
    wrong = sum(errors(normal(c.transcript), normal(r[2])) for c, r in done)
    total = sum(len(normal(c.transcript)) for c, _ in done)
    summary = [
        (what, len(values), round(median(values)), round(percentile(values, 0.95)))
        for what, values in (("end of speech -> first sound (ms)", heard), ("end of turn -> first sound (ms)", after))
    ]
    show("Latency", ("what", "n", "median", "p95"), summary)
    errors_share = f"{100 * wrong / max(1, total):.1f} %"
    show(
        "Words through the device",
        ("turns", "cut in a pause", "word errors"),
        [(len(done), len(results) - len(done), errors_share)],
    )
