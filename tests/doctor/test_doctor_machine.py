from __future__ import annotations

import os
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.doctor import machine
from edge.doctor.checks import State
from edge.doctor.site import Asked, Presence, Site, output

NOW = datetime(2026, 11, 24, 9, 5, tzinfo=UTC)


# --- clock ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("year", [1970, 2019, 2025, 2100])
def test_a_clock_that_is_not_set(year: int, tmp_path: Path) -> None:
    found = machine.clock(NOW.replace(year=year), "Europe/Berlin", {}, tmp_path)
    assert found.state is State.FAIL
    assert str(year) in found.found


@pytest.mark.parametrize(
    ("configured", "env", "zone"),
    [
        ("Europe/Berlin", {"TZ": "Asia/Tokyo"}, "Europe/Berlin"),
        ("", {"TZ": "Asia/Tokyo"}, "Asia/Tokyo"),
        ("", {}, "America/New_York"),
    ],
)
def test_which_zone_is_spoken(configured: str, env: dict[str, str], zone: str, tmp_path: Path) -> None:
    (tmp_path / "zoneinfo/America").mkdir(parents=True)
    (tmp_path / "zoneinfo/America/New_York").touch()
    (tmp_path / "localtime").symlink_to(tmp_path / "zoneinfo/America/New_York")
    found = machine.clock(NOW, configured, env, tmp_path / "localtime")
    assert (found.state, found.found) == (State.WELL, f"2026-11-24 09:05, time zone {zone}.")


def test_no_zone_at_all(tmp_path: Path) -> None:
    found = machine.clock(NOW, "", {}, tmp_path / "localtime")
    assert found.state is State.WARN
    assert "device.timezone" in found.todo


# --- state ---------------------------------------------------------------------------------------------


def test_a_state_directory_is_really_written_and_left_as_it_was(tmp_path: Path) -> None:
    assert machine.state(tmp_path).state is State.WELL
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    assert machine.state(tmp_path / "new/folder").state is State.WELL
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    found = machine.state(tmp_path / "state")
    assert found.state is State.FAIL
    assert "cannot be written: Not a directory" in found.found


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs /sys")
def test_where_nobody_can_write() -> None:
    """Not even root, as on a card that the kernel has made read-only."""
    found = machine.state(Path("/proc/self/task"))
    assert found.state is State.FAIL
    assert "cannot be written" in found.found


@pytest.mark.parametrize(("left", "state"), [(5000, State.WELL), (150, State.WARN), (5, State.FAIL)])
def test_room(left: float, state: State) -> None:
    found = machine._room(Path("/state"), left)
    assert found.state is state
    assert (state is State.WELL) is not bool(found.todo)


# --- heat and power ------------------------------------------------------------------------------------


def sensors(root: Path, *texts: str) -> Path:
    for i, text in enumerate(texts):
        (root / f"thermal_zone{i}").mkdir()
        (root / f"thermal_zone{i}/temp").write_text(text)
    return root


@pytest.mark.parametrize(
    ("texts", "state", "words"),
    [
        (("48312\n",), State.WELL, "48 °C."),
        (("20000\n", "76100\n", ""), State.WARN, "76 °C: it is hot."),
        (("85000\n",), State.WARN, "slows down"),
    ],
)
def test_the_hottest_sensor_counts(tmp_path: Path, texts: tuple[str, ...], state: State, words: str) -> None:
    found = machine.heat(sensors(tmp_path, *texts))
    assert found is not None
    assert found.state is state
    assert words in found.found


def test_no_sensor_is_none(tmp_path: Path) -> None:
    assert machine.heat(tmp_path) is None
    assert machine.heat(sensors(tmp_path, "asleep")) is None


@pytest.mark.parametrize(
    ("said", "state", "found"),
    [
        ("throttled=0x0\n", State.WELL, "Power and speed are good since the start."),
        ("throttled=0x50005\n", State.WARN, "Now the power supply is too weak, the processor is slowed down."),
        ("throttled=0x50000\n", State.WARN,
         "Since the start at least once: the power supply is too weak, the processor is slowed down."),
        ("throttled=0x80008\n", State.WARN, "Now the processor is near its limit of heat."),
    ],
)  # fmt: skip
def test_what_the_firmware_says(said: str, state: State, found: str) -> None:
    """The values that the Raspberry Pi documentation and its users' reports show."""
    result = machine.throttled(said)
    assert result is not None
    assert (result.state, result.found) == (state, found)


@pytest.mark.parametrize("said", ["", "VCHI initialization failed\n", "throttled=\n", "throttled=much\n"])
def test_what_says_nothing(said: str) -> None:
    assert machine.throttled(said) is None


@pytest.mark.parametrize(
    ("name", "alarm", "state"),
    [("rpi_volt", "0", State.WELL), ("rpi_volt", "1", State.WARN), ("cpu_thermal", "1", None)],
)
def test_what_the_kernel_says_of_the_power(tmp_path: Path, name: str, alarm: str, state: State | None) -> None:
    (tmp_path / "hwmon0").mkdir()  # without a name
    (tmp_path / "hwmon1").mkdir()
    (tmp_path / "hwmon1/name").write_text(f"{name}\n")
    (tmp_path / "hwmon1/in0_lcrit_alarm").write_text(f"{alarm}\n")
    found = machine.supply(tmp_path)
    assert (found.state if found is not None else None) is state


def test_heat_and_power_share_a_line_when_both_are_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a Raspberry Pi: with its program, and the sensor of its processor."""
    script = tmp_path / "vcgencmd"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    real = machine.heat
    monkeypatch.setattr(machine, "heat", lambda: real(sensors(tmp_path, "48312\n")))

    def told(bits: str) -> list[str]:
        script.write_text(f"#!/bin/sh\necho throttled={bits}\n")
        script.chmod(0o755)
        shutil.rmtree(tmp_path / "thermal_zone0", ignore_errors=True)
        return [one.found for one in machine.check_temperature(Site(None, [], tmp_path, tmp_path))]

    assert told("0x0") == ["48 °C. Power and speed are good since the start."]
    assert told("0x1") == ["48 °C.", "Now the power supply is too weak."]


def test_a_program_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert output("vcgencmd", "get_throttled") == ""
    script = tmp_path / "vcgencmd"
    script.write_text('#!/bin/sh\necho "throttled=0x0 $1"\n')
    script.chmod(0o755)
    assert output("vcgencmd", "get_throttled") == "throttled=0x0 get_throttled\n"
    script.write_text("#!/no/such/interpreter\n")
    assert output("vcgencmd") == ""


# --- priority ------------------------------------------------------------------------------------------


def test_trying_it_leaves_the_priority_as_it_was() -> None:
    me = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, me)
    machine.allowed()
    assert os.getpriority(os.PRIO_PROCESS, me) == before


@pytest.mark.parametrize(
    ("limit", "state"),
    [
        ("31", State.WELL),
        ("40", State.WELL),
        ("infinity", State.WELL),
        ("30", State.WARN),
        ("0", State.WARN),
        ("", State.WARN),
    ],
)
def test_what_the_service_is_allowed(limit: str, state: State, tmp_path: Path) -> None:
    site = Site(None, [], tmp_path, tmp_path / "c.sock", unit={"LoadState": "loaded", "LimitNICE": limit})
    (found,) = machine.check_priority(site)
    assert found.state is state
    assert (found.todo == machine.NICE_SERVICE) is (state is State.WARN)


def test_the_nicest_thread_of_the_daemon_is_looked_at(tmp_path: Path) -> None:
    """This process in its place: a thread of it that may not come first is told."""
    lock = tmp_path / "control.lock"
    lock.write_text(str(os.getpid()))
    found = machine._daemons(lock)
    assert found is not None
    assert found.state is State.WARN
    assert found.todo.endswith("LimitNICE=-11")


def test_a_service_that_is_set_up_for_it_and_refused_is_not_told_to_set_it_up(tmp_path: Path) -> None:
    """This process in the daemon's place, as in a container."""
    (tmp_path / "c.lock").write_text(str(os.getpid()))
    unit = {"LoadState": "loaded", "LimitNICE": "31"}
    asked = Asked(Presence.RUNS)
    (found,) = machine.check_priority(Site(None, [], tmp_path, tmp_path / "c.sock", asked, unit))
    assert found.todo == machine.NICE_REFUSED
    unit["LimitNICE"] = "0"
    (found,) = machine.check_priority(Site(None, [], tmp_path, tmp_path / "c.sock", asked, unit))
    assert found.todo == machine.NICE_SERVICE


@pytest.mark.parametrize("text", ["", "999999999", "nonsense"])
def test_a_daemon_that_cannot_be_looked_at(tmp_path: Path, text: str) -> None:
    (tmp_path / "control.lock").write_text(text)
    assert machine._daemons(tmp_path / "control.lock") is None
    assert machine._daemons(tmp_path / "none.lock") is None
