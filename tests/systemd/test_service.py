"""The service under its manager: ready, killed, hung, reloaded, stopped, misconfigured."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from edge.audio.microphone import NICE
from tests.machines.device import CONFIG, UNIT, Device, measured
from tests.machines.freezing import frozen, thread_named

pytestmark = [pytest.mark.nspawn, pytest.mark.slow]
HANG_S = 40  # limits are for a busy machine; the figures are in the table
SHORT = "WatchdogSec=5"


def test_it_is_ready_and_says_how_it_is(device: Device) -> None:
    measured.append(("start -> READY, engine none", device.restart()))
    assert device.text == "Idle, engine none"
    assert device.ask("status").returncode == 0
    device.ask("press")
    device.until_text("Listening, engine none")
    device.ask("mute")
    device.until_text("Muted, engine none")
    device.ask("unmute")
    device.until_text("Idle, engine none")


def test_the_audio_thread_goes_first(device: Device) -> None:
    """What the code asks for, through the unit's filter of system calls, as the kernel has it; no other thread does.

    A container whose machine may not raise limits (CAP_SYS_RESOURCE) has no LimitNICE either: there, the same call is
    allowed by a capability, and of the unit's own limit only the number is looked at.
    """
    assert device.machine.property("LimitNICE") == str(20 - NICE)
    limit = int(device.machine.run("grep", "nice", f"/proc/{device.pid}/limits").split()[-1])
    if 20 - limit != NICE:
        device.drop_in("CapabilityBoundingSet=CAP_SYS_NICE\nAmbientCapabilities=CAP_SYS_NICE\nPrivateUsers=no")
        device.restart()
    pid = device.machine.outside_pid(device.pid)
    niceness = {int(task.name): os.getpriority(os.PRIO_PROCESS, int(task.name))
                for task in Path(f"/proc/{pid}/task").iterdir()}  # fmt: skip
    audio = niceness.pop(thread_named(pid, "audio"))
    assert audio == NICE
    assert {nice for nice in niceness.values() if nice < os.getpriority(os.PRIO_PROCESS, 0)} == set()


def test_killed_it_is_ready_again(device: Device) -> None:
    old, restarts = device.pid, device.restarts
    device.machine.run("kill", "-KILL", old)
    measured.append(("SIGKILL -> ready again", device.ready_again(old)))
    assert device.restarts == restarts + 1
    assert device.ask("status").returncode == 0


def test_hung_it_is_restarted(device: Device) -> None:
    old = device.pid
    device.machine.run("kill", "-STOP", old)
    measured.append(("SIGSTOP -> ready again", device.ready_again(old, HANG_S)))
    assert "watchdog" in device.machine.journal("-u", UNIT).lower()


def test_with_a_dead_audio_thread_it_is_restarted(device: Device) -> None:
    """The main loop goes on, and answers: that must not be enough."""
    old = device.pid
    with frozen(thread_named(device.machine.outside_pid(old), "audio")):
        begin = time.monotonic()
        assert device.ask("status").returncode == 0
        device.ready_again(old, HANG_S)
        measured.append(("audio thread dead -> ready again", time.monotonic() - begin))


def test_with_a_stuck_event_loop_it_is_restarted(device: Device) -> None:
    """The audio thread goes on: that must not be enough either."""
    old = device.pid
    pid = device.machine.outside_pid(old)
    audio = Path(f"/proc/{pid}/task/{thread_named(pid, 'audio')}/status")
    with frozen(pid):  # which is the main thread's number, too
        begin, before = time.monotonic(), switches(audio)
        device.machine.until(lambda: switches(audio) > before, 5, "the audio thread at work")
        device.ready_again(old, HANG_S)
        measured.append(("event loop stuck -> ready again", time.monotonic() - begin))
    assert "watchdog" in device.machine.journal("-u", UNIT).lower()


def switches(status: Path) -> int:
    """How often a thread has gone to sleep."""
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def test_frames_that_stop_without_anybody_noticing_are_a_hang(device: Device) -> None:
    """Should the thread that minds the devices be the one that hangs."""
    device.drop_in(SHORT)
    device.restart()
    old = device.pid
    with frozen(thread_named(device.machine.outside_pid(old), "devices")):
        device.rig.pactl("suspend-source", "mic", "1")
        device.machine.until(lambda: device.pid != old, HANG_S, "restarted")
    device.rig.pactl("suspend-source", "mic", "0")
    device.until_text("Idle, engine none")


def test_muted_or_without_a_microphone_it_is_left_alone(device: Device) -> None:
    device.drop_in(SHORT)
    device.restart()
    old = device.pid
    device.ask("mute")
    time.sleep(6)
    assert device.text == "Muted, engine none"
    device.ask("unmute")
    device.rig.pactl("suspend-source", "mic", "1")
    device.until_text('The microphone "usbmic" has stopped: is it unplugged?')
    time.sleep(6)
    device.rig.pactl("suspend-source", "mic", "0")
    measured.append(("microphone back -> usable", device.until_text("Idle, engine none")))
    assert device.pid == old


def test_without_a_microphone_it_is_not_ready_and_waits_as_long_as_it_takes(device: Device) -> None:
    device.drop_in("TimeoutStartSec=3")
    device.rig.pactl("suspend-source", "mic", "1")
    device.machine.run("systemctl", "restart", "--no-block", UNIT)
    device.until_text("has stopped")
    time.sleep(5)
    assert device.state == "activating"
    device.rig.pactl("suspend-source", "mic", "0")
    device.machine.until(lambda: device.state == "active", 10, "ready")
    assert device.restarts == 0


def test_reloading_takes_over_what_can_be_changed(device: Device) -> None:
    old = device.pid
    device.configure(volume=33)
    device.machine.run("systemctl", "reload", UNIT)
    device.machine.until(lambda: "33 %" in device.ask("volume").stdout, 10, "reloaded")
    assert (device.pid, device.state) == (old, "active")


def test_a_reload_of_a_bad_file_changes_nothing(device: Device) -> None:
    old, volume = device.pid, device.ask("volume").stdout
    device.configure(volume=333)
    device.machine.run("systemctl", "reload", UNIT)
    device.machine.until(lambda: device.entries("PRIORITY=3"), 10, "told")
    assert "not_reloaded" in device.entries("PRIORITY=3")[-1]["MESSAGE"]
    assert (device.pid, device.state) == (old, "active")
    assert device.ask("volume").stdout == volume


def test_a_wrong_configuration_is_told_and_not_tried_again(device: Device) -> None:
    device.machine.write(CONFIG, "[audio]\nvolum = 50\n")
    assert device.machine.call("systemctl", "restart", UNIT).returncode != 0
    time.sleep(2)
    assert device.state == "failed"
    assert device.machine.property("ExecMainStatus") == "78"
    assert device.restarts == 0
    assert "volum" in device.machine.journal("-t", "edge-voice")
    device.configure(" ")


def test_it_stops_in_time_also_in_the_middle_of_something(device: Device) -> None:
    device.ask("press")
    begin = time.monotonic()
    device.machine.run("systemctl", "stop", UNIT)
    measured.append(("stop", time.monotonic() - begin))
    assert device.state == "inactive"
    assert (device.machine.property("Result"), device.machine.property("ExecMainStatus")) == ("success", "0")
    assert device.machine.call("test", "-e", "/run/edge-voice").returncode != 0


def test_in_a_persons_session_it_is_a_service_as_well(device: Device) -> None:
    """The variant for desktops: another user's manager, beside the system's service."""
    machine = device.machine
    machine.shell("id desk 2>/dev/null || useradd -m desk; systemctl start user@$(id -u desk)")
    session = ("env", f"XDG_RUNTIME_DIR=/run/user/{machine.run('id', '-u', 'desk').strip()}")

    def desk(*command: str) -> subprocess.CompletedProcess[str]:
        return machine.call(*session, *command, user="desk")

    machine.until(lambda: desk("systemctl", "--user", "is-system-running").returncode == 0, 30, "session")
    verified = desk("systemd-analyze", "--user", "verify", "/etc/systemd/user/edge-voice.service")
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    started = desk("systemctl", "--user", "start", "edge-voice")
    assert started.returncode == 0, machine.journal()
    assert desk("edge-voice", "status").returncode == 0
    assert desk("systemctl", "--user", "show", "-P", "StatusText", "edge-voice").stdout == "Idle, engine none\n"
    desk("systemctl", "--user", "stop", "edge-voice")
    machine.shell("systemctl stop user@$(id -u desk); userdel -r desk")
