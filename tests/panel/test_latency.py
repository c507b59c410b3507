import pytest

from edge.panel.terminal.latency import SCALE_MS, Span, bar, spans
from edge.panel.terminal.look import Look
from tests.panel.views import LATENCY

PLAIN = Look(stages="abcde")  # end of turn, transcript, first token, first audio, first sound


def row(latency, width=71):
    return bar(latency, width, PLAIN)[0].plain


def legend(latency, width=71):
    return "\n".join(line.plain for line in bar(latency, width, PLAIN)[1:])


def test_segments_are_stacked_on_a_common_scale():
    assert row(LATENCY).startswith("a" * 17 + "b" * 3 + "c" * 7 + "d" * 3 + "e")
    assert row(LATENCY).endswith("╎ 2 s")
    assert legend(LATENCY) == "a turn end 560  b text 660  c token 900  d audio 1000  e sound 1040 ms"


def test_two_turns_share_the_scale():
    fast, slow = row({"turn_end": 500}), row({"turn_end": 1000})
    assert slow.count("a") == 2 * fast.count("a")


def test_a_stage_that_came_early_is_drawn_early():
    assert spans({"turn_end": 550, "transcript": 300}) == [Span("transcript", 0, 300), Span("turn_end", 300, 550)]
    assert row({"turn_end": 550, "transcript": 300}).startswith("bbbbbbbbbaaaaaaa")
    assert legend({"turn_end": 550, "transcript": 300}).startswith("b transcript 300")


def test_a_zero_stage_has_a_number_and_no_length():
    latency = {"turn_end": 0, "first_token": 500}
    assert "a" not in row(latency)
    assert legend(latency).startswith("a end of turn 0  c first token 500 ms")


def test_missing_stages_are_left_out():
    assert legend({"speech_end": 0, "first_sound": 40}) == "e first sound 40 ms"


def test_before_the_end_of_speech_has_no_length_but_its_number():
    latency = {"transcript": -120, "turn_end": 500}
    assert row(latency).startswith("a" * 15)
    assert "b" not in row(latency)
    assert "-120" in legend(latency)


def test_a_turn_beyond_the_scale_ends_in_an_arrow_and_its_length():
    slow = row({"turn_end": 500, "first_sound": 4321})
    assert slow.endswith("e» 4.3 s")
    assert slow.startswith("a" * 15 + "e")


@pytest.mark.parametrize("odd", [None, {}, [], "x", {"speech_end": 0}, {"turn_end": "soon"}, {"turn_end": float("nan")},
                                 {"first_sound": float("inf")}, {"turn_end": True}])  # fmt: skip
def test_nothing_to_draw(odd):
    assert bar(odd, 70, PLAIN) == []


@pytest.mark.parametrize("width", [12, 31, 40, 71, 150])
@pytest.mark.parametrize("end", [0, 1, 999, SCALE_MS, SCALE_MS + 1, 10**9])
def test_rows_keep_to_the_width(width, end):
    for line in bar({**LATENCY, "first_sound": end}, max(width, 24), PLAIN):
        assert len(line) <= max(width, 24)


def test_a_wide_terminal_has_the_long_names():
    assert legend(LATENCY, 111).startswith("a end of turn 560  b transcript 660  c first token 900")
