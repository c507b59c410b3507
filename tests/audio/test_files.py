"""Sound files of every kind as a microphone, files that are none, and the file that replies are written to."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.audio import files
from edge.audio.files import BLOCK_S, GAP_S, OUT_RATE, FileSink, FileSource, load
from edge.audio.speaker import QueueSpeaker
from edge.errors import AudioError
from tests.signals import amplitude, pitch, sine, tone


def written(path: Path, rate: int, channels: int, subtype: str, seconds: float = 1.0) -> Path:
    one = sine(seconds, 440, rate, 0.5)
    soundfile.write(path, np.repeat(one[:, None], channels, axis=1), rate, subtype=subtype)
    return path


@pytest.mark.parametrize(
    ("name", "rate", "channels", "subtype"),
    [
        ("eight.wav", 8_000, 1, "PCM_U8"),
        ("sixteen.wav", 16_000, 1, "PCM_16"),
        ("twentyfour.wav", 44_100, 2, "PCM_24"),
        ("thirtytwo.wav", 48_000, 2, "PCM_32"),
        ("float.wav", 96_000, 7, "FLOAT"),
        ("double.wav", 22_050, 3, "DOUBLE"),
        ("ulaw.wav", 8_000, 1, "ULAW"),
        ("packed.flac", 96_000, 7, "PCM_24"),
        ("lossy.ogg", 48_000, 2, "VORBIS"),
        ("lossy.mp3", 44_100, 2, "MPEG_LAYER_III"),
    ],
)
def test_every_kind_of_file_sounds_the_same(tmp_path: Path, name: str, rate: int, channels: int, subtype: str) -> None:
    samples = load(written(tmp_path / name, rate, channels, subtype))
    assert samples.dtype == np.int16
    assert len(samples) == pytest.approx(16_000, abs=1500)  # MP3 pads
    assert pitch(samples[4000:12_000], 16_000) == pytest.approx(440, abs=2)
    assert amplitude(samples[4000:12_000]) == pytest.approx(16_384, rel=0.03)


def test_too_loud_is_clipped_and_no_number_is_silence(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "hot.wav", np.array([2.0, -2.0] * 800), 16_000, subtype="FLOAT")
    assert np.abs(load(tmp_path / "hot.wav").astype(int)).max() >= 32767
    soundfile.write(tmp_path / "nan.wav", np.full(1600, np.nan), 16_000, subtype="FLOAT")
    assert not load(tmp_path / "nan.wav").any()


def problem(path: Path) -> str:
    with pytest.raises(AudioError) as caught:
        load(path)
    return str(caught.value)


def test_what_is_no_sound_file_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("This is not a sound file. " * 50)
    (tmp_path / "noise.raw").write_bytes(bytes(1000))
    (tmp_path / "short.wav").write_bytes(written(tmp_path / "good.wav", 16_000, 1, "PCM_16").read_bytes()[:20])
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), 16_000)
    unreadable = "is not a sound file that can be read (WAV, FLAC, OGG, MP3)"
    expected = {
        "empty.wav": "is empty (0 bytes), not a sound file.",
        "gone.wav": "does not exist.",
        ".": "is a folder, not a sound file.",
        "text.wav": unreadable,
        "noise.raw": unreadable,
        "short.wav": unreadable,
        "none.wav": "has no sound in it.",
    }
    for name, words in expected.items():
        message = problem(tmp_path / name)
        assert words in message
        assert str(tmp_path / name) in message
        assert "\n" not in message


def test_a_recording_that_stops_in_the_middle_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = written(tmp_path / "a.wav", 16_000, 1, "PCM_16").read_bytes()
    (tmp_path / "b.wav").write_bytes(whole[: len(whole) // 2])
    assert len(load(tmp_path / "b.wav")) == pytest.approx(8_000, abs=50)


def test_hours_are_a_wrong_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_S", 0.5)
    assert "minutes long; 15 is the most" in problem(written(tmp_path / "long.wav", 16_000, 1, "PCM_16"))


def test_a_header_that_promises_too_much_costs_no_memory(tmp_path: Path) -> None:
    """A WAV of 100 bytes that claims to hold two hours."""
    whole = bytearray(written(tmp_path / "a.wav", 16_000, 1, "PCM_16").read_bytes()[:100])
    whole[40:44] = (2**31 - 100).to_bytes(4, "little")
    (tmp_path / "b.wav").write_bytes(whole)
    assert len(load(tmp_path / "b.wav")) < 100


@given(damage=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=20), length=st.integers(0, 2000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, damage: list[tuple[int, int]], length: int) -> None:
    data = bytearray(written(tmp_path / "a.wav", 8_000, 2, "PCM_16", 0.05).read_bytes()[:length])
    for at, value in damage:
        if at < len(data):
            data[at] = value
    (tmp_path / "b.wav").write_bytes(data)
    told: list[str] = []
    try:
        assert load(tmp_path / "b.wav").dtype == np.int16
    except AudioError as error:
        told.append(str(error))
    assert not [message for message in told if "\n" in message]


# --- as a microphone -----------------------------------------------------------------------------------


def heard(source: FileSource, blocks: int) -> np.ndarray:
    position = source.ring.written
    for n in range(blocks):
        source.step(n * BLOCK_S)
    return source.ring.read(position, blocks * 160)[0].reshape(-1).view(np.int16)


def test_recordings_are_heard_on_cue_and_silence_between() -> None:
    source = FileSource([tone(0.1, 440, 16_000), tone(0.035, 880, 16_000)], "two", paced=False)
    assert not heard(source, 3).any()
    assert (source.cue(), source.playing, source.left) == (True, True, 1)
    assert np.array_equal(heard(source, 10), tone(0.1, 440, 16_000))
    assert source.cue()
    assert np.array_equal(heard(source, 4)[:560], tone(0.035, 880, 16_000))
    assert not source.playing
    assert not source.cue()


def test_a_closed_gate_records_nothing() -> None:
    source = FileSource([tone(0.1, 440, 16_000)], "one", paced=False)
    source.cue()
    source.gate = False
    assert len(heard(source, 10)) == 0


def test_a_file_that_is_opened_again_has_nothing_from_before() -> None:
    """As a sound card that was muted: a new ring, so that neither sound nor time is carried over."""
    source = FileSource([], "none", paced=False)
    source.open()
    heard(source, 10)
    old = source.ring
    source.close()
    source.open()
    assert source.ring is not old
    assert source.ring.written == 0


def test_the_thread_keeps_the_pace_of_a_real_microphone() -> None:
    source = FileSource([], "paced")
    source.open()
    assert source.is_open
    assert not source.stalled()
    source.close()
    source.close()
    assert not source.is_open


# --- as a loudspeaker ----------------------------------------------------------------------------------


def sink_at(path: Path | None) -> tuple[FileSink, QueueSpeaker]:
    speaker = QueueSpeaker(lambda _: None, lambda: 0.0)
    sink = FileSink(speaker, path, lambda: 0.0, paced=False)
    sink.open()
    return sink, speaker


def test_replies_are_written_and_long_pauses_cut_short(tmp_path: Path) -> None:
    sink, speaker = sink_at(tmp_path / "out.wav")
    for turn in (1, 2):
        speaker.play(turn, tone(0.5, 440, OUT_RATE).tobytes(), OUT_RATE)
        speaker.finish(turn)
        for n in range(300):
            sink.step(n * BLOCK_S)
    sink.finish()
    sink.finish()
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, OUT_RATE)
        samples = np.frombuffer(file.readframes(10**6), np.int16)
    assert len(samples) / OUT_RATE == pytest.approx(2 * 0.5 + 2 * GAP_S, abs=0.05)
    assert sink.seconds == pytest.approx(len(samples) / OUT_RATE, abs=0.011)
    assert np.array_equal(samples[: OUT_RATE // 2], tone(0.5, 440, OUT_RATE))


def test_nothing_said_makes_no_file(tmp_path: Path) -> None:
    sink, _ = sink_at(tmp_path / "out.wav")
    for n in range(100):
        sink.step(n * BLOCK_S)
    sink.finish()
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize("place", ["missing/out.wav", "."])
def test_a_file_that_cannot_be_written_is_told_and_the_reply_goes_on(tmp_path: Path, place: str) -> None:
    sink, speaker = sink_at(tmp_path / place)
    speaker.play(1, tone(0.5, 440, OUT_RATE).tobytes(), OUT_RATE)
    for n in range(60):
        sink.step(n * BLOCK_S)
    sink.finish()
    assert "cannot be written" in sink.problem
    assert speaker.stop(1) == 500


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    sink, speaker = sink_at(Path("/dev/full"))
    speaker.play(1, tone(5.0, 440, OUT_RATE).tobytes(), OUT_RATE)
    for n in range(600):
        sink.step(n * BLOCK_S)
    sink.finish()
    assert "cannot be written: No space left on device." in sink.problem
