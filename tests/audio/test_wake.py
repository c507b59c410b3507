"""Wake word and stop word on microWakeWord's own models: people, a voice, noise, and the device's own voice."""

from __future__ import annotations

import json
import shutil
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pymicro_wakeword
import pytest

from edge.audio.far import FarEnd
from edge.audio.frontend import AWAIT_S, CALL_S, FrontEnd
from edge.audio.guard import Guard
from edge.audio.wake import FIRST_S, load
from edge.config import Wake
from edge.config.wake import BUILT_IN, Ease
from edge.core.effects import Ears
from edge.core.events import Event, StopWordHeard, WakeWordHeard
from edge.core.near_end import NearEnd, NearEndSettings
from edge.errors import AudioError
from tests.audio.room import Room
from tests.bench.clips import Clip, clips
from tests.signals import Int16, noise, recording
from tests.speech import models_present, transcribe
from tests.voices import spoken

MODELS = Path(pymicro_wakeword.__file__).parent / "models"
PEOPLE = [clip for clip in clips("speech") if clip.name.startswith("kw_alexa")]
OTHERS = [clip for folder in ("speech", "turns", "noise") for clip in clips(folder) if clip not in PEOPLE]


class Attentive(Room):
    """A room whose front end listens for words; `heard` is what it has heard."""

    def __init__(self, wake: Wake, *, guarded: bool = False) -> None:
        super().__init__()
        if guarded:  # interrupted by the button alone, as where no canceller helps
            self.speaker.far = FarEnd()
            near_end = NearEnd(NearEndSettings(), self.front._endpointer.floor)
            guard = Guard(near_end, self.speaker.far)
            self.front = FrontEnd(self._deliver, self.speaker, self.front._endpointer, guard)
            self.front.attach(self.ring, self.form, None)
        self.heard: list[Event] = []
        self.words = self.front.words = load(wake, self.heard.append)
        self.ears(Ears.AWAIT)
        self.play(noise(2.0, loudness=0.0005))

    def over(self, near: Int16, far: Int16) -> None:
        """Both at once, the far end at the loudspeaker and not in the room."""
        assert self.speaker.far is not None
        for at in range(0, min(len(near), len(far)) - 319, 320):
            self.speaker.far.sounded(far[at : at + 320], 16_000, self.now)
            self.play(near[at : at + 320])


def alexa() -> Int16:
    """One of the people."""
    return recording(PEOPLE[0].path)


# --- the wake word ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("clip", PEOPLE, ids=lambda clip: clip.name)
@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_people_are_heard_once_and_where_they_end(clip: Clip, gain: float) -> None:
    room = Attentive(Wake(word="alexa"))
    began = room.now
    room.play((recording(clip.path) * gain).astype(np.int16))
    room.quiet(0.6)
    [event] = room.heard
    assert isinstance(event, WakeWordHeard)
    assert event.until - began == pytest.approx(clip.speech[-1][1], abs=0.25)


@pytest.mark.parametrize("speed", [0.85, 1.0, 1.15])
def test_a_voice_is_heard_over_noise(speed: float) -> None:
    room = Attentive(Wake(word="hey_jarvis"))
    words = spoken("hey jarvis", speed)
    room.play(noise(3.0, loudness=0.005))
    room.play(words + noise(len(words) / 16_000, loudness=0.005)[: len(words)])
    room.play(noise(1.0, loudness=0.005))
    assert [type(event) for event in room.heard] == [WakeWordHeard]


@pytest.mark.skipif(not models_present(), reason="the offline models are not here: edge-voice models fetch")
@pytest.mark.parametrize(("pause", "speed"), list(product([", ", " "], [0.9, 1.2])))
def test_in_one_breath_the_question_is_kept_and_the_word_is_not(pause: str, speed: float) -> None:
    room = Attentive(Wake(word="hey_jarvis"))
    sound = spoken(f"hey jarvis{pause}what time is it", speed)
    for at in range(0, len(sound), 320):
        room.play(sound[at : at + 320])
        if room.heard and room.session == 1:
            [event] = room.heard
            assert isinstance(event, WakeWordHeard)
            room.ears(Ears.LISTEN, event.until)
    room.quiet(0.5)
    said = transcribe(room.audio()).lower()
    assert "what time is it" in said
    assert "jarvis" not in said


@pytest.mark.parametrize("word", BUILT_IN)
def test_nothing_else_wakes_it(word: str) -> None:
    """Five minutes of people, dogs, dishes and rain."""
    room = Attentive(Wake(word=word))
    for clip in OTHERS:
        room.play(recording(clip.path))
        room.quiet(0.5)
        assert room.heard == [], clip.name


def test_a_quiet_room_is_hardly_looked_at() -> None:
    room = Attentive(Wake(word="alexa"))
    assert (room.words.hot, room.front.step) == (False, AWAIT_S)
    room.play(alexa()[: 2 * 16_000])
    assert (room.words.hot, room.front.step) == (True, CALL_S)
    room.play(noise(1.5, loudness=0.0005))
    assert not room.words.hot


@pytest.mark.parametrize("ears", [Ears.OFF, Ears.LISTEN, Ears.WATCH])
def test_it_is_a_word_like_others_while_nobody_waits_for_it(ears: Ears) -> None:
    """And nothing of then counts later."""
    room = Attentive(Wake(word="alexa"))
    room.ears(ears)
    room.play(alexa())
    room.ears(Ears.AWAIT)
    room.quiet(1.0)
    assert room.heard == []


def test_after_a_turn_it_is_heard_again() -> None:
    room = Attentive(Wake(word="alexa"))
    for _ in range(2):
        room.play(alexa())
        room.ears(Ears.LISTEN)
        room.play(noise(2.0, loudness=0.0005))
        room.ears(Ears.AWAIT)
    assert room.words.stats() == {"wake_word": "Alexa", "words_heard": 2, "own_words": 0}


# --- while the device speaks -----------------------------------------------------------------------------


STORY = recording(next(clip for clip in clips("turns") if clip.name == "de_saet_pauses").path)


@pytest.mark.parametrize(
    ("wake", "kind"),
    [(Wake(word="alexa"), WakeWordHeard), (Wake(stop_word="alexa", stop_sensitivity="medium"), StopWordHeard)],
    ids=["wake", "stop"],
)
@pytest.mark.parametrize("clip", PEOPLE, ids=lambda clip: clip.name)
def test_over_a_reply_somebody_is_heard(wake: Wake, kind: type[Event], clip: Clip) -> None:
    room = Attentive(wake, guarded=True)
    room.ears(Ears.GUARD)
    room.over(recording(clip.path), STORY)
    assert [type(event) for event in room.heard] == [kind]


@pytest.mark.parametrize("wake", [Wake(word="alexa"), Wake(stop_word="alexa", stop_sensitivity="high")])
@pytest.mark.parametrize("clip", PEOPLE, ids=lambda clip: clip.name)
@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_its_own_words_do_not_count(wake: Wake, clip: Clip, gain: float) -> None:
    """All of the reply comes back 80 ms later, as in a room whose echo has not been learnt yet, or is never."""
    room = Attentive(wake, guarded=True)
    room.ears(Ears.GUARD)
    reply = np.concatenate([recording(clip.path), np.zeros(16_000, np.int16)])
    room.over((np.concatenate([np.zeros(1280, np.int16), reply]) * gain).astype(np.int16), reply)
    assert room.heard == []


def test_the_voice_that_has_interrupted_may_say_it() -> None:
    """The reply is cut before the word is complete."""
    room = Attentive(Wake(stop_word="alexa"), guarded=True)
    clip = PEOPLE[0]
    sound, begin = alexa(), round(clip.speech[0][0] * 16_000)
    room.ears(Ears.GUARD)
    room.play(sound[: begin + 3200])
    room.ears(Ears.LISTEN, room.now - 0.3)
    room.play(sound[begin + 3200 :])
    room.quiet(0.5)
    assert [type(event) for event in room.heard] == [StopWordHeard]


def test_later_in_that_turn_it_is_a_word_like_others() -> None:
    room = Attentive(Wake(stop_word="alexa"), guarded=True)
    room.ears(Ears.GUARD)
    room.quiet(0.5)
    room.ears(Ears.LISTEN)
    room.play(noise(FIRST_S, loudness=0.0005))
    room.play(alexa())
    assert room.heard == []


# --- models ----------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A model that the owner has brought."""
    for ending in ("json", "tflite"):
        shutil.copy(MODELS / f"hey_jarvis.{ending}", tmp_path)
    return tmp_path / "hey_jarvis.json"


def test_every_name_is_one_of_the_packages() -> None:
    assert set(BUILT_IN) == {str(model.value) for model in pymicro_wakeword.Model}


@pytest.mark.parametrize("ending", [".json", ".tflite"])
def test_a_model_of_ones_own(own: Path, ending: str) -> None:
    room = Attentive(Wake(word=str(own.with_suffix(ending)), sensitivity="high"))
    room.play(spoken("hey jarvis"))
    room.quiet(0.5)
    assert len(room.heard) == 1
    assert room.words.called == {"wake": "Hey Jarvis"}


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"There is no file .*nothing\.json: a word is one of okay_nabu"):
        load(Wake(word=str(tmp_path / "nothing.json")), lambda _: None)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda about: about.pop("micro"),
        lambda about: about["micro"].update(probability_cutoff="often"),
        lambda about: about["micro"].update(sliding_window_size=0),
        lambda about: about.pop("wake_word"),
    ],
)
def test_a_description_that_lacks_something(own: Path, spoil) -> None:
    about = json.loads(own.read_text())
    spoil(about)
    own.write_text(json.dumps(about))
    with pytest.raises(AudioError, match="does not describe a model of microWakeWord"):
        load(Wake(stop_word=str(own)), lambda _: None)


@pytest.mark.parametrize("text", ["", "[]", "no JSON"])
def test_no_description(own: Path, text: str) -> None:
    own.write_text(text)
    with pytest.raises(AudioError, match="does not describe"):
        load(Wake(word=str(own)), lambda _: None)


@pytest.mark.parametrize("size", [0, 6, 1000, 30_000])
def test_a_model_that_is_cut_off(own: Path, size: int) -> None:
    model = own.with_suffix(".tflite")
    model.write_bytes(model.read_bytes()[:size])
    with pytest.raises(AudioError, match="or its model is damaged"):
        load(Wake(word=str(own)), lambda _: None)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymicro_wakeword", None)
    with pytest.raises(AudioError, match=r'pip install "edge-voice\[wake\]"'):
        load(Wake(word="alexa"), lambda _: None)


def test_how_easily_is_a_matter_of_the_cutoff() -> None:
    assert [round(ease.of(0.97), 3) for ease in Ease] == [0.985, 0.97, 0.782]
    assert [ease.of(0.5) for ease in Ease] == [0.75, 0.5, 0.5]
