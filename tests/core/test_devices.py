"""The microphone and the loudspeaker go and come back."""

from __future__ import annotations

import pytest

from edge.core import effects as do
from edge.core import events as ev
from tests.core.driving import Driver, listening, only, pcm, speaking, thinking

# --- the microphone ----------------------------------------------------------------------------------


def test_microphone_lost_mid_utterance_answers_what_was_heard() -> None:
    """Half a question is more than none."""
    drive = listening()
    drive(ev.SpeechStarted(drive.now), ev.MicAudio(pcm()))
    assert drive(ev.MicLost("unplugged")) == "!error end off"
    drive.reply()
    drive.reply_ends()
    assert drive.played() == "off"
    assert drive.state == "error"


def test_microphone_lost_before_anything_was_said() -> None:
    """Nothing to answer: the light shows what is wrong until it is mended."""
    drive = listening()
    assert drive(ev.MicLost("unplugged")) == "!error drop off"
    assert drive.state == "error"
    assert drive(ev.Pressed()) == "!error"
    assert [fields["message"] for fields in drive.published("error")] == ["unplugged", "unplugged"]
    assert drive(ev.MicFound()) == "!microphone off"
    assert drive(ev.Pressed()) == "listen"


def test_barge_in_that_crossed_the_loss_of_the_microphone() -> None:
    """Nothing can be heard, so nothing is waited for."""
    drive = speaking()
    drive(ev.MicLost("unplugged"))
    assert drive(ev.BargedIn(drive.now)) == "cancel !interrupted off"
    assert drive.state == "error"


def test_speech_that_crossed_the_loss_of_the_microphone() -> None:
    """The question is answered."""
    drive = thinking()
    drive(ev.MicLost("unplugged"))
    assert drive(ev.SpeechStarted(drive.now)) == ""
    assert drive.state == "thinking"


def test_a_press_that_meets_a_silent_microphone_is_told_so() -> None:
    """Only where nothing was heard: in a quiet room a microphone may be silent between two sentences."""
    drive = Driver()
    assert drive(ev.MicSilent(silent=True), ev.Pressed()) == "listen"
    assert drive.state == "listening"
    assert drive.conv.deadline is not None
    drive.now = drive.conv.deadline
    assert "!error" in drive(ev.TimePassed())
    assert "nothing but silence" in str(drive.published("error")[0]["message"])


def test_a_microphone_that_hears_again_is_not() -> None:
    drive = Driver()
    drive(ev.MicSilent(silent=True), ev.MicSilent(silent=False), ev.Pressed())
    assert drive.conv.deadline is not None
    drive.now = drive.conv.deadline
    assert "!error" not in drive(ev.TimePassed())


# --- the loudspeaker ---------------------------------------------------------------------------------


def test_loudspeaker_lost_at_rest_is_told_once_and_its_return_too() -> None:
    """Whoever tries to open it every few seconds says so every few seconds."""
    drive = Driver()
    assert drive(ev.SpeakerLost("unplugged")) == "!error"
    assert drive(ev.SpeakerLost("unplugged")) == ""
    assert drive(ev.SpeakerLost("busy")) == "!error"
    assert drive(ev.SpeakerFound()) == "!speaker"
    assert drive.published("speaker") == [{"ok": True}]
    assert drive(ev.SpeakerLost("busy")) == "!error"
    assert [fields["message"] for fields in drive.published("error")] == ["unplugged", "busy", "busy"]
    assert drive.errors() == ["speaker"] * 3
    assert drive.state == "idle"


@pytest.mark.parametrize("ended", [False, True])
def test_loudspeaker_lost_while_speaking_ends_the_reply(ended: bool) -> None:
    """Nobody hears the rest, nobody is listened to for a follow-up, and what still comes is late."""
    drive = speaking()
    if ended:
        drive.reply_ends()
    assert drive(ev.SpeakerLost("unplugged")) == "!error cancel !interrupted off"
    assert drive.state == "idle"
    assert drive(ev.ReplyAudio(1, pcm(), 24_000), ev.ReplyEnded(1), ev.PlayoutEnded(1)) == ""


def test_loudspeaker_lost_while_a_muted_device_speaks() -> None:
    """Muted is what it is afterwards."""
    drive = speaking()
    drive(ev.MuteSet(on=True), ev.SpeakerLost("unplugged"))
    assert drive.state == "muted"


def test_reply_that_nobody_would_hear_is_not_fetched() -> None:
    """The person asked, so the person is told again; what the engine still sends is late."""
    drive = thinking()
    assert drive(ev.SpeakerLost("unplugged")) == "!error"
    assert drive(ev.ReplyText(1, "Hi.")) == "!reply_transcript"
    assert drive.reply() == "!error cancel !interrupted off"
    assert drive.errors() == ["speaker", "speaker"]
    assert only(drive.done, do.Play) == []
    assert drive(ev.ReplyAudio(1, pcm(), 24_000), ev.ReplyEnded(1)) == ""
    assert drive.state == "idle"


def test_loudspeaker_that_is_back_before_the_reply() -> None:
    """Nothing was missed."""
    drive = thinking()
    drive(ev.SpeakerLost("unplugged"), ev.SpeakerFound())
    assert drive.reply() == "guard play"


def test_loudspeaker_lost_while_the_person_talks() -> None:
    """What was said goes to the engine all the same: it may be an act that is wanted."""
    drive = listening()
    drive(ev.SpeechStarted(drive.now))
    assert drive(ev.SpeakerLost("unplugged")) == "!error"
    assert drive.say() == "audio end watch"
    assert drive(ev.ToolCalled(1, "c", "lamp")) == "!tool tool"
    assert drive.reply_ends() == "listen"


def test_announcements_without_a_loudspeaker_come_to_an_end() -> None:
    """Each is tried and told; then there is rest."""
    drive = Driver()
    drive(ev.SpeakerLost("unplugged"), ev.SayGiven("one"), ev.SayGiven("two"))
    assert drive.reply() == "!error cancel !interrupted off off say"
    assert drive.reply() == "!error cancel !interrupted off"
    assert drive.state == "idle"
