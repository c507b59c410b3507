import io
import json

from edge.panel.plain import JsonView, PlainView, latency_line
from edge.ports import Fields
from tests.panel.views import LATENCY

TURN: list[tuple[str, Fields]] = [
    ("state", {"state": "listening"}),
    ("user_transcript", {"text": "what", "final": False}),
    ("user_transcript", {"text": "What time is it?", "final": True}),
    ("state", {"state": "thinking"}),
    ("reply_transcript", {"text": "It is "}),
    ("reply_transcript", {"text": "noon. "}),
    ("state", {"state": "speaking"}),
    ("turn", {"kind": "tap", "latency_ms": LATENCY}),
]


def plain(events, *, close=True):
    out = io.StringIO()
    view = PlainView(out)
    for event, fields in events:
        view.published(event, fields)
    if close:
        view.close()
    return out.getvalue()


def test_an_exchange_is_two_lines_and_its_latencies():
    lines = plain([*TURN, ("state", {"state": "idle"})]).splitlines()
    assert lines[0] == "you:   What time is it?"
    assert lines[1] == (
        "       [end of turn 560 ms, transcript 660 ms, first token 900 ms, first audio 1000 ms, first sound 1040 ms]"
    )
    assert lines[2] == "edge:  It is noon."


def test_a_reply_that_was_cut_off_by_the_end_is_printed():
    assert "edge:  It is noon." in plain(TURN)
    assert "edge:" not in plain(TURN, close=False)


def test_an_interrupted_reply_is_marked():
    assert "edge:  It is noon.  [interrupted]" in plain([*TURN, ("interrupted", {})])


def test_notes_errors_and_silence():
    events = [("note", {"message": "hello"}), ("error", {"message": "bad"}), ("nothing_heard", {}), ("other", {"x": 1})]
    text = plain(events)
    assert text == "note:  hello\nerror: bad\n       (no words were heard)\n"


def test_nothing_from_outside_is_interpreted():
    bad = "\x1b[2Jhi\x07\r\nthere"
    events: list[tuple[str, Fields]] = [
        ("user_transcript", {"text": bad, "final": True}),
        ("reply_transcript", {"text": bad}),
        ("error", {"message": bad}),
    ]
    text = plain(events)
    assert "\x1b" not in text
    assert text.count("hi  there") == 3


def test_latencies_need_numbers():
    assert latency_line({}) == ""
    assert latency_line({"latency_ms": {"speech_end": 0, "first_sound": 7}}) == "first sound 7 ms"


def test_json_is_one_line_an_event():
    out = io.StringIO()
    view = JsonView(out)
    for event, fields in TURN:
        view.published(event, fields)
    view.close()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [event for event, _ in TURN]
    assert lines[2]["text"] == "What time is it?"


def test_json_has_the_status_after_each_turn():
    out = io.StringIO()
    view = JsonView(out)
    view.watch(lambda: -20.0, lambda: {"state": "speaking", "last_turn": {"kind": "tap"}})
    view.published("turn", {"kind": "tap"})
    assert json.loads(out.getvalue().splitlines()[1]) == {"event": "status", "state": "speaking"}


def test_json_stays_on_one_line_and_ascii_safe_for_controls():
    out = io.StringIO()
    JsonView(out).published("user_transcript", {"text": "a\nb\x1b[2J é"})
    assert out.getvalue().count("\n") == 1
    assert "\x1b" not in out.getvalue()
    assert "é" in out.getvalue()


def test_a_recording_is_told():
    begun = {"on": True, "waiting": False, "file": "a.zip", "why": ""}
    ended = {"on": False, "waiting": False, "file": "a.zip", "why": "muted"}
    text = plain([("record", {**begun, "waiting": True}), ("record", begun), ("record", ended)])
    assert text.splitlines() == [
        "note:  A recording begins as soon as nobody has a turn.",
        "note:  This is recorded: a.zip",
        "note:  The recording has ended (muted).",
    ]
