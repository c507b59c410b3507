"""The machine below: clock, state directory, heat and power, priority."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from edge.audio.microphone import NICE
from edge.doctor.checks import Result, Results, State, fail, skipped, warn, well
from edge.doctor.site import Presence, Site, output

EARLIEST, LATEST = 2026, 2100  # nobody has run this before; a board without a clock starts in 1970, or at its image
MB = 1_000_000
LITTLE_MB, NOTHING_MB = 200, 20
WARM_C, HOT_C = 75.0, 80.0  # a Raspberry Pi slows down from 80 on, by its documentation
# Bits of `vcgencmd get_throttled`, by the Raspberry Pi documentation; 16 higher: since the start.
THROTTLED = {0: "the power supply is too weak", 1: "the processor is slowed down", 2: "the processor is slowed down",
             3: "the processor is near its limit of heat"}  # fmt: skip
SINCE_START = 16
UNDERVOLTAGE = "rpi_volt"  # drivers/hwmon/raspberrypi-hwmon.c: 1 in in0_lcrit_alarm while it is too low
COOLER = "A better power supply (5 V, 3 A) for weak power; a heat sink or a fan for heat."
NICE_SERVICE = f"For the service: systemctl edit edge-voice, with [Service] LimitNICE={NICE}"
NICE_REFUSED = "The service is set up for it, and the system refuses: is this a container?"
NICE_USER = f"In /etc/security/limits.conf: @audio - nice {NICE}"


# --- clock ------------------------------------------------------------------------------------------


def check_clock(site: Site) -> Results:
    """Whether it is set, and which time zone spoken times are in."""
    zone = site.config.device.timezone if site.config else ""
    return [clock(datetime.now().astimezone(), zone, os.environ)]


def clock(now: datetime, configured: str, env: Mapping[str, str], link: Path = Path("/etc/localtime")) -> Result:
    """`configured`: device.timezone."""
    if not EARLIEST <= now.year < LATEST:
        return fail(f"The clock says {now:%Y-%m-%d}: it is not set. Secure connections fail, and timers mislead.",
                    "Connect the network once, or: timedatectl set-ntp true")  # fmt: skip
    if not configured and not env.get("TZ") and not link.exists():
        return warn(f"{now:%Y-%m-%d %H:%M}, and no time zone is set: spoken times are in UTC.",
                    "Set device.timezone, for example Europe/Berlin.")  # fmt: skip
    return well(f"{now:%Y-%m-%d %H:%M}, time zone {configured or env.get('TZ') or _zone_of(link, now)}.")


def _zone_of(link: Path, now: datetime) -> str:
    _, found, zone = str(link.resolve()).partition("zoneinfo/")
    return zone if found else str(now.tzinfo)


# --- state ------------------------------------------------------------------------------------------


def check_state(site: Site) -> Results:
    """Where little is kept: spending, calibration, and the models."""
    return [state(site.state)]


def state(folder: Path) -> Result:
    """Really writes, where the directory is there already."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    owner = there.stat().st_uid
    if not os.access(there, os.W_OK) and os.getuid() not in {0, owner}:
        return skipped(f"{folder} belongs to another user.", "To have it looked at: sudo edge-voice doctor")
    try:
        if there == folder.absolute():
            with tempfile.TemporaryFile(dir=there) as file:
                file.write(bytes(4096))
                file.flush()
                os.fsync(file.fileno())
        elif not os.access(there, os.W_OK):
            raise PermissionError(13, "Permission denied")
        left = shutil.disk_usage(there).free / MB
    except OSError as error:
        return fail(f"{folder} cannot be written: {error.strerror}.",
                    "Is it a read-only or broken card, or somebody else's directory? See: mount; ls -ld")  # fmt: skip
    return _room(folder, left)


def _room(folder: Path, left: float) -> Result:
    found = f"{folder}: can be written, {left / 1000:.1f} GB are free."
    if left >= LITTLE_MB:
        return well(found)
    todo = "Make room: journalctl --vacuum-size=50M; apt clean"
    return (warn if left >= NOTHING_MB else fail)(f"Only {left:.0f} MB are free at {folder}.", todo)


# --- heat and power ---------------------------------------------------------------------------------


def check_temperature(_site: Site) -> Results:
    """By /sys, and what a Raspberry Pi's firmware says."""
    power = throttled(output("vcgencmd", "get_throttled")) or supply()
    told = [one for one in (heat(), power) if one is not None]
    if len(told) > 1 and all(one.state is State.WELL for one in told):
        return [well(" ".join(one.found for one in told))]
    return told or [skipped("No sensor here (a Raspberry Pi has one).")]


def supply(root: Path = Path("/sys/class/hwmon")) -> Result | None:
    """What the kernel's driver of a Raspberry Pi knows of its power, where vcgencmd is not there or may not be used."""
    for folder in root.glob("hwmon*"):
        with suppress(OSError, ValueError):
            if (folder / "name").read_text().strip() == UNDERVOLTAGE:
                low = int((folder / "in0_lcrit_alarm").read_text())
                return warn(f"Now {THROTTLED[0]}.", COOLER) if low else well("Power is good.")
    return None


def heat(root: Path = Path("/sys/class/thermal")) -> Result | None:
    """The hottest sensor; None where there is none."""
    degrees = []
    for path in root.glob("thermal_zone*/temp"):
        with suppress(OSError, ValueError):  # a sensor that is asleep
            degrees.append(int(path.read_text()) / 1000)
    if not degrees:
        return None
    hottest = max(degrees)
    if hottest < WARM_C:
        return well(f"{hottest:.0f} °C.")
    slow = ", and slows down" if hottest >= HOT_C else ""
    return warn(f"{hottest:.0f} °C: it is hot{slow}.", "Give it air, a heat sink or a fan.")


def throttled(said: str) -> Result | None:
    """Of `vcgencmd get_throttled`, which says throttled=0x50000; None when it said something else."""
    _, found, number = said.strip().partition("throttled=")
    try:
        bits = int(number, 16) if found else -1
    except ValueError:
        bits = -1
    if bits < 0:
        return None
    now = dict.fromkeys(text for bit, text in THROTTLED.items() if bits >> bit & 1)
    before = dict.fromkeys(text for bit, text in THROTTLED.items() if bits >> (bit + SINCE_START) & 1)
    if now:
        return warn(f"Now {', '.join(now)}.", COOLER)
    if before:
        return warn(f"Since the start at least once: {', '.join(before)}.", COOLER)
    return well("Power and speed are good since the start.")


# --- priority ---------------------------------------------------------------------------------------


def check_priority(site: Site) -> Results:
    """Whether the audio thread may come first: the running daemon's, else one of our own."""
    limit = of_limit(site.unit.get("LimitNICE", "")) if site.unit.get("LoadState") == "loaded" else None
    todo = NICE_REFUSED if limit is not None and limit.state is State.WELL else NICE_SERVICE
    if site.daemon.presence is Presence.RUNS and (result := _daemons(site.socket.with_suffix(".lock"), todo)):
        return [result]
    if limit is not None:
        return [limit]
    if allowed():
        return [well(f"The audio thread may run at nice {NICE}, as this user.")]
    return [warn(f"The audio thread may not run at nice {NICE}: other programs' work can make gaps in replies.",
                 f"{NICE_USER} (as root)")]  # fmt: skip


def of_limit(limit: str) -> Result:
    """`limit`: LimitNICE as systemctl shows it, which is 20 - the niceness (setrlimit(2), RLIMIT_NICE)."""
    if limit == "infinity" or (limit.isdigit() and 20 - int(limit) <= NICE):
        return well(f"The service's audio thread may run at nice {NICE}.")
    return warn(f"The service's audio thread may not run at nice {NICE}: other programs' work can make gaps in "
                "replies.", NICE_SERVICE)  # fmt: skip


def allowed() -> bool:
    """Tried in this thread, and taken back: a thread's niceness is its own on Linux."""
    me = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, me)
    try:
        os.setpriority(os.PRIO_PROCESS, me, NICE)
    except OSError:
        return False
    os.setpriority(os.PRIO_PROCESS, me, before)
    return True


def _daemons(lock: Path, todo: str = NICE_SERVICE) -> Result | None:
    """By the process that holds the lock; None when that cannot be looked at."""
    try:
        tasks = list(Path("/proc", lock.read_text().strip(), "task").iterdir())
        nicest = min(os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in tasks)
    except (OSError, ValueError):
        return None
    if nicest <= NICE:
        return well(f"The daemon's audio thread runs at nice {nicest}.")
    return warn(f"The daemon's audio thread may not run at nice {NICE}: other programs' work can make gaps in replies.",
                todo)  # fmt: skip
