"""What was set is there after a crash and after a reboot; what is overdue is told, and does not ring again."""

import json

from edge.tools.kept import Shelf
from edge.tools.timers import Timers

WALL = 1_795_000_000.0


def _kept(path, timers, boot="a"):
    shelf = Shelf(path, boot)
    shelf.write(shelf.picture(timers))


def _started(path, now, wall, boot="a"):
    timers = Timers()
    return timers, Shelf(path, boot).load(timers, now, wall)


def _some(path):
    timers = Timers()
    timers.see(WALL - 100.0)
    timers.set(100.0, 600, "tea")
    timers.set_at(100.0, WALL + 3600, "", "alarm")
    _kept(path, timers)
    return timers


def test_nothing_kept_is_nothing_lost(tmp_path):
    assert _started(tmp_path / "timers.json", 1.0, WALL)[1] == ()


def test_after_a_crash_all_goes_on_though_the_clock_was_set(tmp_path):
    before = _some(tmp_path / "timers.json")
    timers, late = _started(tmp_path / "timers.json", 200.0, WALL + 1900)
    assert late == ()
    assert [timer.left(200.0) for timer in timers.find()] == [500, 1700]
    assert timers.next_id == before.next_id


def test_after_a_reboot_countdowns_go_by_the_wall_clock(tmp_path):
    _some(tmp_path / "timers.json")
    timers, late = _started(tmp_path / "timers.json", 5.0, WALL + 60, boot="b")
    assert late == ()
    assert [timer.left(5.0) for timer in timers.find()] == [540, 3540]
    timers.see(WALL + 100 - 5.0)  # the network has told the time
    assert [timer.left(5.0) for timer in timers.find()] == [500, 3500]


def test_what_is_overdue_is_told_until_somebody_has_heard_it(tmp_path):
    path = tmp_path / "timers.json"
    _some(path)
    timers, late = _started(path, 800.0, WALL + 700)
    assert [timer.name for timer in late] == ["tea"]
    assert timers.due(800.0) == ()
    _kept(path, timers)
    timers, late = _started(path, 900.0, WALL + 800)
    assert [timer.name for timer in late] == ["tea"]
    timers.heard([late[0].id])
    _kept(path, timers)
    assert _started(path, 900.0, WALL + 800)[1] == ()


def test_a_broken_file_is_put_aside(tmp_path):
    path = tmp_path / "timers.json"
    for text in ("{", "[]", json.dumps({"v": 1, "boot": "a", "next": 1, "timers": [{"id": "x"}]})):
        path.write_text(text)
        timers, late = _started(path, 1.0, WALL)
        assert (timers.find(), late) == ((), ())
        assert path.with_suffix(".broken").read_text() == text
        assert not path.exists()


def test_what_is_written_is_whole_or_the_old_one(tmp_path):
    path = tmp_path / "deep" / "timers.json"
    _some(path)
    path.with_suffix(".partial").write_text("{ half")  # power was cut there
    assert len(_started(path, 200.0, WALL + 100)[0].find()) == 2
