"""Which action an event triggers in which state: the whole transition table, on one page.

A name is a method of Conversation (`_name`); `.` means that the event is late or means nothing
here and changes nothing. Every cell is decided, and tested.
"""

from __future__ import annotations

from enum import StrEnum

from edge.core import events


class State(StrEnum):
    """What the person sees on the light."""

    IDLE = "idle"
    CONNECTING = "connecting"  # a turn is under way, the engine is not there yet
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    RINGING = "ringing"  # a timer is due
    MUTED = "muted"  # at rest with the microphone closed
    ERROR = "error"  # at rest, something must be mended before a turn can be held


_TABLE = """
event           idle        connecting     listening      thinking    speaking    ringing     muted       error
Pressed         start       press_again    press_again    interrupt   interrupt   ring_tapped tell_muted  start
Held            start       hold           hold           .           .           .           .           start
Released        .           release        release        .           .           .           .           .
LongHeld        long_hold   long_hold      long_hold      long_hold   long_hold   long_hold   long_hold   long_hold
ForgetAsked     forget      forget         forget         forget      forget      forget      forget      forget
MuteSet         mute        mute           mute           mute        mute        mute        mute        mute
SwitchMoved     switch      switch         switch         switch      switch      switch      switch      switch
MicAudio        .           hold_audio     send_audio     .           .           .           .           .
SpeechStarted   .           speech         speech         goes_on     .           .           .           .
SpeechPaused    .           .              pause          .           .           .           .           .
SpeechResumed   .           .              resume         .           .           .           .           .
SpeechEnded     .           silence        silence        .           .           .           .           .
BargedIn        .           .              .              .           barged      ring_barged .           .
WakeWordHeard   woken       .              .              .           woken_over  ring_woken  .           woken
StopWordHeard   .           .              stop_said      stopped     stopped     ring_tapped .           .
AgentReady      note_ready  go             note_ready     note_ready  note_ready  note_ready  note_ready  note_ready
AgentLost       note_lost   lost_listening lost_listening lost_reply  lost_reply  note_lost   note_lost   note_lost
AgentWarned     warned      warned         warned         warned      warned      warned      warned      warned
VoiceHeard      .           .              voice_heard    .           .           .           .           .
TurnSeems       .           .              seems          .           .           .           .           .
TurnEnded       .           .              engine_end     .           .           .           .           .
Spent           spent       spent          spent          spent       spent       spent       spent       spent
TranscriptHeard .           .              transcript     transcript  transcript  .           .           .
ReplyText       .           .              .              reply_text  reply_text  .           .           .
ReplyAudio      .           .              .              first_audio more_audio  ring_words  .           .
ReplyEnded      .           .              .              reply_ended reply_ended ring_named  .           .
ToolCalled      .           .              .              run_tool    run_tool    .           .           .
ToolFinished    .           .              .              tool_result tool_result .           .           .
PlayoutStarted  .           .              .              .           sounding    .           .           .
PlayoutEnded    .           .              .              .           played      .           .           .
TextGiven       text        text           text           text        text        text        text        text
SayGiven        say         say            say            say         say         say         say         say
MicLost         mic_lost    mic_lost       mic_lost       mic_lost    mic_lost    mic_lost    mic_lost    mic_lost
MicFound        mic_found   mic_found      mic_found      mic_found   mic_found   mic_found   mic_found   mic_found
MicSilent       silent      silent         silent         silent      silent      silent      silent      silent
SpeakerLost     speaker_off speaker_off    speaker_off    speaker_off speaker_off speaker_off speaker_off speaker_off
SpeakerFound    speaker_on  speaker_on     speaker_on     speaker_on  speaker_on  speaker_on  speaker_on  speaker_on
TimerDue        timer_due   timer_due      timer_due      timer_due   timer_due   timer_due   timer_due   timer_due
SleepAsked      .           .              .              sleep       sleep       .           .           .
TimePassed      .           timeout        timeout        timeout     timeout     ring_on     .           .
"""


def _read(text: str) -> dict[State, dict[type[events.Event], str]]:
    header, *rows = (line.split() for line in text.strip().splitlines())
    table: dict[State, dict[type[events.Event], str]] = {State(name): {} for name in header[1:]}
    for kind, *actions in rows:
        for state, action in zip(table, actions, strict=True):
            table[state][getattr(events, kind)] = "" if action == "." else action
    return table


TABLE = _read(_TABLE)
