import asyncio
import io

import pytest
from rich.console import Console

from edge.panel.terminal import TerminalView
from edge.panel.terminal.gauges import Sight
from tests.fakes.screen import Screen
from tests.panel.views import EXCHANGE, LATENCY, MICROPHONE, SPEAKER, STATUS, console_on, run_view, stop_drawing, tell


def test_the_panel_tells_state_level_devices_engine_and_keys():
    screen = run_view()
    rule, state, mic, speaker, engine, keys = screen.lines[-6:]
    assert set(rule) == {"─"}
    assert state == "● idle       press space and talk"
    assert mic.count("█") == 16
    assert mic.endswith("-20 dB  usbmic")
    assert speaker == "speaker usbspk"
    assert engine == "engine  local  speech recognition, voice"
    assert keys == "space talk / interrupt   m mute   f forget   r record   q quit"


@pytest.mark.parametrize(("state", "words"), [
    ("connecting", "talk already"), ("listening", "talk now"), ("thinking", "space interrupts"),
    ("speaking", "space interrupts"), ("muted", "m opens the microphone"),
])  # fmt: skip
def test_every_state_has_a_word_and_what_can_be_done(state, words):
    text = run_view(tell("state", state=state)).text
    assert f"● {state}" in text
    assert words in text


def test_an_error_state_tells_the_problem():
    status = {**STATUS, "problems": ["The microphone is unplugged."]}
    assert "● error      The microphone is unplugged." in run_view(tell("state", state="error"), status=status).text


def test_hints_know_about_barge_in_recordings_and_loading():
    assert "talk or space to interrupt" in run_view(tell("state", state="speaking"), sight=Sight(by_voice=True)).text
    assert "a recording talks" in run_view(tell("state", state="listening"), sight=Sight(scripted=True)).text
    loading = {**STATUS, "engine": {"engine": "local", "ready": False, "loaded": {"voice": True}}}
    text = run_view(status=loading).text
    assert "loading; space and talk already" in text
    assert "local  loading  voice" in text


def test_a_part_that_did_not_load_is_told():
    engine = {"engine": "local", "ready": True, "loaded": {"ears": True, "mind": False}}
    assert "no language model" in run_view(status={**STATUS, "engine": engine}).text


def test_a_muted_microphone_shows_closed_and_no_level():
    status = {**STATUS, "microphone": {"microphone": "usbmic", "open": False, "muted": True}}
    mic = run_view(tell("state", state="muted"), status=status).lines[-4]
    assert mic == "mic     closed  usbmic"


def test_no_microphone_is_told():
    assert "mic     no microphone" in run_view(status={**STATUS, "microphone": {"microphone": None}}).text


def test_counters_show_only_when_something_went_wrong():
    assert "overruns" not in run_view().text
    status = {**STATUS, "microphone": {**MICROPHONE, "overruns": 3, "lost_frames": 20},
              "speaker": {**SPEAKER, "starved": 2, "volume": 60}}  # fmt: skip
    text = run_view(status=status).text
    assert "-20 dB  overruns 3, lost frames 20  usbmic" in text
    assert "usbspk  volume 60 %  gaps 2" in text


def test_the_peak_is_held():
    levels = iter([-10.0, -50.0])
    screen = Screen()

    async def go():
        view = TerminalView(Sight(), console_on(screen), clock=lambda: 100.0)
        view.watch(lambda: next(levels), lambda: dict(STATUS))
        view._draw()
        stop_drawing(view)

    asyncio.run(go())
    mic = screen.lines[-4]
    assert mic.count("█") == 4
    assert mic[8 + 19] == "┃"


def test_a_partial_transcript_is_replaced_by_the_final_one():
    assert "you     what is" in run_view(*EXCHANGE[:2]).text
    text = run_view(*EXCHANGE[:3]).text
    assert "you     What is two plus two?" in text
    assert "what is\n" not in text


def test_the_reply_grows():
    assert "edge    That is\n" in run_view(*EXCHANGE[:5]).text
    assert "edge    That is four.\n" in run_view(*EXCHANGE[:6]).text


def test_a_finished_exchange_stays_above_the_panel_once_and_in_order():
    again = tell("state", state="listening", turn=2)
    screen = run_view(*EXCHANGE, again, *EXCHANGE, tell("state", state="idle"), close=True)
    said = [line.split()[0] for line in screen.lines if line and not line.startswith(" ")]
    assert said == ["you", "edge", "you", "edge"]
    assert "●" not in screen.text
    assert screen.cursor


def test_words_of_a_turn_that_was_given_up_stay():
    screen = run_view(*EXCHANGE[:2], tell("state", state="idle"), close=True)
    assert screen.text.strip() == "you     what is"


def test_an_interrupted_reply_is_marked():
    text = run_view(*EXCHANGE, tell("interrupted", turn=1), tell("state", state="listening", turn=2)).text
    assert "edge    That is four. [interrupted]" in text
    assert text.count("That is four.") == 1
    assert "edge    [interrupted]" in run_view(*EXCHANGE[:4], tell("interrupted")).text


def test_notes_errors_tools_and_the_rest_are_readable_lines():
    text = run_view(
        tell("note", message="No speaker here."),
        tell("error", where="microphone", message="The microphone has stopped."),
        tell("microphone", ok=True),
        tell("tool", name="set_timer", arguments={"seconds": 60}),
        tell("volume", percent=40),
        tell("nothing_heard"),
        tell("forgotten"),
        tell("unheard_of", x=1),
    ).text
    assert text.splitlines()[:7] == [
        "note    No speaker here.",
        "error   The microphone has stopped.",
        "note    The microphone is back.",
        "tool    set_timer seconds 60",
        "        volume 40 %",
        "        (no words were heard)",
        "        (the conversation is forgotten)",
    ]


def test_a_microphone_that_was_never_lost_is_not_back():
    assert "is back" not in run_view(tell("microphone", ok=True)).text


def test_missing_fields_break_nothing():
    for event in ("user_transcript", "reply_transcript", "turn", "state", "error", "note", "tool", "volume"):
        run_view(tell(event))
    run_view(status={})
    run_view(status={"engine": "odd", "microphone": 3, "speaker": None, "problems": "x"})


NASTY = "\x1b[2J\x1b]0;title\x07[bold]hi[/bold] \x1b]52;c;aGk=\x1b\\there\r\n\x07\x9b31m\u202eevil\u200b\ud800 [/]\x00"


@pytest.mark.parametrize("event", ["user_transcript", "reply_transcript", "error", "note"])
def test_nothing_from_outside_is_interpreted(event):
    fields = {"text": NASTY, "message": NASTY, "final": True}
    text = run_view(tell(event, **fields), tell("state", state="idle")).text  # the screen refuses any other sequence
    assert "[bold]hi[/bold] there  evil [/]" in text
    assert "title" not in text


def test_nor_in_names_of_devices_tools_and_states():
    status = {**STATUS, "microphone": {"microphone": NASTY, "open": True}, "speaker": {"device": NASTY},
              "engine": {"engine": NASTY, "ready": True, "loaded": {NASTY: True}}, "problems": [NASTY]}  # fmt: skip
    run_view(tell("tool", name=NASTY, arguments={NASTY: NASTY}), tell("state", state="error"), status=status)
    run_view(tell("state", state=NASTY), status=status)


@pytest.mark.parametrize(("width", "height"), [(40, 15), (20, 5), (80, 24), (200, 60)])
def test_no_line_is_wider_than_the_terminal(width, height):
    long = tell("reply_transcript", text="a long reply, " * 40)
    screen = run_view(*EXCHANGE[:4], long, *EXCHANGE[6:], width=width, height=height)
    assert max(map(len, screen.lines)) < max(width, 11)
    steps = (*EXCHANGE[:4], long, *EXCHANGE[6:], tell("state", state="idle"))
    closed = run_view(*steps, width=width, height=height, close=True)
    assert "".join(closed.text.split()).count("alongreply,") == 40


def test_a_long_reply_in_a_low_window_shows_its_end_until_it_is_finished():
    steps = (*EXCHANGE[:4], tell("reply_transcript", text=" ".join(map(str, range(400)))))
    screen = run_view(*steps, width=40, height=15)
    assert "399" in screen.text
    assert len(screen.lines) <= 2 + 14
    finished = run_view(*steps, tell("state", state="idle"), width=40, height=15, close=True)
    assert " 0 1 2 3" in finished.text


def test_a_dumb_terminal_gets_lines_and_no_control_sequence():
    out = io.StringIO()

    async def go():
        view = TerminalView(Sight(), Console(file=out, force_terminal=True, width=80, _environ={"TERM": "dumb"}))
        view.watch(lambda: -20.0, lambda: dict(STATUS))
        for step in EXCHANGE:
            step(view)
        view.close()

    asyncio.run(go())
    assert "\x1b" not in out.getvalue()
    assert "(listening: talk now)" in out.getvalue()
    assert "edge    That is four." in out.getvalue()
    assert "q quit" in out.getvalue()


def test_without_colours_the_stages_differ_by_their_filling():
    out = io.StringIO()
    view = TerminalView(Sight(), Console(file=out, force_terminal=True, width=80, no_color=True, _environ={}))
    view.published("turn", {"latency_ms": LATENCY})
    view.close()
    assert "\x1b[3" not in out.getvalue()
    assert all(filling in out.getvalue() for filling in "█▓▒░")


def test_an_encoding_without_the_signs_gets_ascii():
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", errors="replace")

    async def go():
        view = TerminalView(Sight(), Console(file=out, force_terminal=True, width=80, _environ={}))
        view.watch(lambda: -20.0, lambda: dict(STATUS))
        for step in EXCHANGE:
            step(view)
        view.close()

    asyncio.run(go())
    out.flush()
    assert b"*\x1b" in raw.getvalue()
    assert b"#" * 16 in raw.getvalue()
    assert b"?" not in raw.getvalue().replace(b"two?", b"").replace(b"[?25", b"")


def test_close_before_watch_and_twice_is_harmless():
    screen = Screen()
    view = TerminalView(Sight(), console_on(screen))
    view.close()
    view.close()
    assert screen.text == ""
