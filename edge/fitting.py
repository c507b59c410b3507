"""The front end and the conversation's times, made to the configuration."""

from __future__ import annotations

from edge.audio.echo import EchoCanceller, Uncancelled
from edge.audio.far import FarEnd
from edge.audio.frontend import Detectors, FrontEnd
from edge.audio.gain import Gain
from edge.audio.guard import Aside, Guard, in_a_thread
from edge.audio.microphone import Sessions
from edge.audio.sounds import sound_settings
from edge.audio.speaker import QueueSpeaker
from edge.audio.wake import load as load_words
from edge.config import Config
from edge.core.conversation import ConversationSettings
from edge.core.near_end import NearEnd, NearEndSettings
from edge.core.pauses import PauseSettings
from edge.core.speech import FRAME_S, Endpointer, SpeechSettings
from edge.engines import choose_engine
from edge.errors import AudioError
from edge.ports import Post

EAGER_MS, EAGER_OFFLINE_MS = 150, 200  # of silence, before work is begun that may be in vain
LEAST_WAIT_MS = 50  # from there to the end of the turn


def conversation_settings(config: Config, *, wakes: bool = False) -> ConversationSettings:
    """The core's times from the configuration; `wakes` if there is a wake word."""
    talk = config.conversation
    return ConversationSettings(
        preroll_s=config.audio.preroll_ms / 1000, hold_s=config.panel.hold_ms / 1000, no_speech_s=talk.no_speech_s,
        follow_up_s=talk.follow_up_s, max_turn_s=talk.max_turn_s, reply_s=talk.reply_s, wakes=wakes,
        sounds=sound_settings(config),
        pauses=PauseSettings(talk.end_silence_ms / 1000, talk.least_silence_ms / 1000,
                             talk.most_silence_ms / 1000, talk.unfinished_silence_ms / 1000),
    )  # fmt: skip


def _eager_ms(config: Config) -> int:
    """A service may be asked in vain; offline, each time costs this device's own processor."""
    usual = EAGER_OFFLINE_MS if choose_engine(config) == "local" else EAGER_MS
    return config.conversation.eager_silence_ms or min(usual, config.conversation.end_silence_ms - LEAST_WAIT_MS)


def with_words(config: Config, front: FrontEnd, post: Post) -> FrontEnd:
    """Have it listen for the words of [wake], or know why it cannot: the button still works."""
    if config.wake.wanted:
        try:
            front.words = load_words(config.wake, post)
        except AudioError as error:
            front.wordless = str(error)
    return front


def front_end(config: Config, sessions: Sessions, speaker: QueueSpeaker, aside: Aside = in_a_thread) -> FrontEnd:
    """The front end with its detectors."""
    found = detectors(config, speaker, aside)
    return FrontEnd(sessions.deliver, speaker, found.endpointer, found.guard, found.gain)


def detectors(config: Config, speaker: QueueSpeaker, aside: Aside = in_a_thread) -> Detectors:
    """New ones; echo is cancelled where a voice may interrupt, and the speaker then tells what sounds."""
    talk = config.conversation
    frames = 1 / FRAME_S / 1000
    speech = SpeechSettings(
        end_frames=round(talk.end_silence_ms * frames), eager_frames=round(_eager_ms(config) * frames)
    )
    endpointer, guard = Endpointer(speech), None
    near_end = NearEnd(NearEndSettings(mode=talk.barge_in), endpointer.floor)
    if near_end.by_voice or config.wake.wanted:
        speaker.far = speaker.far or FarEnd()
        own = config.audio.echo in {"auto", "own"}
        guard = Guard(near_end, speaker.far, EchoCanceller(None if own else Uncancelled()), aside)
    return Detectors(endpointer, guard, Gain() if config.audio.agc else None)
