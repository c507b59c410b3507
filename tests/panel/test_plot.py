from __future__ import annotations

import pytest

from edge.panel.plot import RoomPicture, plot

# 0 dB at once, then 0.4 s for 60 dB, from -10 dB on; steps are 5 ms.
LEVELS = [-0.5, *(-14 - 0.75 * step for step in range(1, 60))]
DECAY = [0.0, *(-7 - 0.75 * step for step in range(1, 60))]
BANDS = [(125, -40.0), (250, -22.25), (500, -12.0), (1000, -3.1), (2000, -0.04), (4000, -60.0)]

GOLDEN = """\
Energy in each 5 ms (█) and still to come (·), dB of all
     0 ┤▇
       ┤█·······
   -12 ┤█▄▃▂▁   ········
       ┤██████▇▆▅▄▃▂▁   ········
   -24 ┤██████████████▇▆▅▄▃▂▁   ········
       ┤██████████████████████▇▆▅▄▃▂▁   ········
   -36 ┤██████████████████████████████▇▆▅▄▃▂▁   ········
       ┤██████████████████████████████████████▇▆▅▄▃▂▁   ········
   -48 ┤██████████████████████████████████████████████▇▆▅▄▃▂▁   ····
       ┤██████████████████████████████████████████████████████▇▆▅▄▃▂
   -60 └────────────────────────────────────────────────────────────
        0         50        100       150       200       250       300 ms

Level at the microphone relative to what was played, by octave
   125 Hz ████████                                  -40.0 dB
   250 Hz ██████████████████████▎                   -22.2 dB
   500 Hz ██████████████████████████████▍           -12.0 dB
  1000 Hz █████████████████████████████████████▌     -3.1 dB
  2000 Hz ████████████████████████████████████████    0.0 dB
  4000 Hz                                           -60.0 dB"""


def test_a_room() -> None:
    assert plot(RoomPicture(LEVELS, DECAY, BANDS)) == GOLDEN


def bars(text: str) -> list[str]:
    return text.splitlines()[1:11]


@pytest.mark.parametrize("top", [-25.0, -0.01, 0.0, 0.01, 14.0])
@pytest.mark.parametrize("count", [0, 1, 6])
def test_it_fits_into_80_columns_whatever_there_is(top: float, count: int) -> None:
    bands = [(250, top), (1000, top - 90), (125, top - 3)][:count]
    for levels in ([], [12.0] * 100, [-200.0] * 100, LEVELS):
        text = plot(RoomPicture(levels, levels, bands))
        assert max(len(line) for line in text.splitlines()) <= 80
        assert "-0 " not in text
        assert "-0.0 " not in text


def test_the_scale_ends() -> None:
    full = bars(plot(RoomPicture([10.0] * 60, [10.0] * 60, BANDS)))
    assert all(line.endswith("┤" + "█" * 60) for line in full)
    empty = bars(plot(RoomPicture([-99.0] * 60, [-99.0] * 60, BANDS)))
    assert [line.rpartition("┤")[2] for line in empty] == [""] * 9 + ["·" * 60]


def test_bars_rise_by_eighths() -> None:
    columns = {plot(RoomPicture([-60 + 0.75 * step], [], BANDS)).splitlines()[10][8:] for step in range(9)}
    assert columns == {"", *"▁▂▃▄▅▆▇█"}
