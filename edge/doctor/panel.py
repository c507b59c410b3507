"""Buttons, switch and light: whether their pins and devices are there, and may be used by who runs the daemon."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.config import Panel
from edge.config.checks_panel import pins_of, spi_of
from edge.config.places import SERVICE
from edge.doctor.checks import Result, Results, fail, skipped, well
from edge.doctor.site import BAD_CONFIG, Presence, Site
from edge.errors import PanelError
from edge.panel.appliance import strips
from edge.panel.pins import pin_factory
from edge.panel.pixels import ReSpeaker

USER = "edge-voice"  # of systemd/edge-voice.service
RULES = "provision/install puts the udev rules for it into place (systemd/70-edge-voice.rules)."
READ_WRITE = 0o6


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the daemon."""

    name: str
    uid: int
    groups: frozenset[int]


def check(site: Site) -> Results:
    """All that is configured in [panel]; a running daemon holds it, so that is asked."""
    if site.config is None:
        return [BAD_CONFIG]
    panel = site.config.panel
    if not panel.strip and not any(pins_of(panel)):
        return [skipped("No button and no light is configured.")]
    if site.daemon.presence is not Presence.ABSENT:
        return _held(site, described(panel))
    account = account_of(site.state)
    wrong = [*_pins(panel, account), *_strip(panel, account)]
    return wrong or [well(f"{described(panel)}.")]


def _held(site: Site, what: str) -> list[Result]:
    problems = site.daemon.status.get("panel")
    if not isinstance(problems, list):
        return [skipped("The daemon holds the pins, and does not say how they are.")]
    told = [fail(str(problem), "Stop the daemon and run this again to have it looked at.") for problem in problems]
    return told or [well(f"{what} (asked of the daemon).")]


def described(panel: Panel) -> str:
    """What is configured, in a few words."""
    pins: dict[str, list[str]] = {}
    for key, pin in pins_of(panel):
        pins.setdefault(key.rpartition("_")[0], []).append(f"GPIO{pin}")
    parts = [f"{_NAMES[key]} at {'/'.join(names)}" for key, names in pins.items()]
    return ", ".join([*parts, *([f"lamps: {panel.strip}"] if panel.strip else [])])


_NAMES = {"button": "button", "button2": "second button", "mute": "mute switch", "led": "lamp", "encoder": "encoder"}


def account_of(state: Path) -> Account:
    """The service's user where the service is installed, else the one who asks."""
    if state == SERVICE:
        with suppress(KeyError):
            user = pwd.getpwnam(USER)
            return Account(USER, user.pw_uid, frozenset(os.getgrouplist(USER, user.pw_gid)))
    uid = os.getuid()
    with suppress(KeyError):
        return Account(pwd.getpwuid(uid).pw_name, uid, frozenset((*os.getgroups(), os.getegid())))
    return Account(str(uid), uid, frozenset(os.getgroups()))


# --- pins -------------------------------------------------------------------------------------------


def _pins(panel: Panel, account: Account) -> Iterator[Result]:
    if not any(pins_of(panel)):
        return
    chips = sorted(Path("/dev").glob("gpiochip*"))
    try:
        factory = pin_factory(panel.pin_factory)
    except PanelError as error:
        yield no_pins(str(error), chips, account)
        return
    if chips and (barred := closed_to(chips, account)):
        yield barred
    for key, pin in pins_of(panel):
        try:
            taken = factory.pin(pin)
            taken.function = "input"  # that claims it; harmless whatever is connected
            taken.close()
        except Exception as error:  # noqa: BLE001  as many kinds of it as there are libraries for pins
            yield fail(f"panel.{key}: GPIO{pin} cannot be used: {_said(error)}.",
                       "Is it used by another program or overlay? See: gpioinfo")  # fmt: skip


def no_pins(why: str, chips: Sequence[Path], account: Account) -> Result:
    """`why` gpiozero has found none; `chips`: the kernel's."""
    if "not installed" in why:
        found, _, todo = why.partition(": ")
        return fail(f"No pin can be used: {found}.", todo or "pip install 'edge-voice[pi]'")
    if not chips:
        return fail("No pin can be used: this machine has none (no /dev/gpiochip*).",
                    "Take the pins out of [panel], or run it on a Raspberry Pi.")  # fmt: skip
    return closed_to(chips, account) or fail(f"No pin can be used: {why.rstrip('.')}.", "See panel.pin_factory.")


def _said(error: Exception) -> str:
    return str(error).strip().rstrip(".").strip("'") or type(error).__name__


# --- light ------------------------------------------------------------------------------------------


def _strip(panel: Panel, account: Account) -> Iterator[Result]:
    """Opened for real, which leaves it dark; a file that the account may not use says more than trying."""
    node = _node(panel)
    if panel.strip and node is not None and (barred := closed_to([node], account)):
        yield barred
        return
    for lamps in strips(panel):
        try:
            lamps.open()
        except PanelError as error:
            yield unlit(str(error))
        else:
            lamps.close()


def unlit(why: str) -> Result:
    """What is wrong, and what to do, out of one text."""
    for mark in (". Is ", ": pip "):
        found, there, todo = why.partition(mark)
        if there:
            return fail(f"{found}.", f"{mark[2:]}{todo}".rstrip("."))
    return fail(why, "Is it plugged in? See: lsusb")


def _node(panel: Panel) -> Path | None:
    if panel.strip == "respeaker":
        return usb_node(ReSpeaker.VENDOR, ReSpeaker.PRODUCT)
    bus, device = spi_of(panel.strip_spi) or (0, 0)
    return Path(f"/dev/spidev{bus}.{device}")


def usb_node(vendor: int, product: int, root: Path = Path("/sys/bus/usb/devices")) -> Path | None:
    """The device file of a USB device that is plugged in."""
    for folder in root.glob("*"):
        with suppress(OSError, ValueError):
            ids = tuple(int((folder / name).read_text(), 16) for name in ("idVendor", "idProduct"))
            if ids == (vendor, product):
                bus, number = (int((folder / name).read_text()) for name in ("busnum", "devnum"))
                return Path(f"/dev/bus/usb/{bus:03}/{number:03}")
    return None


# --- who may ----------------------------------------------------------------------------------------


def closed_to(nodes: Sequence[Path], account: Account) -> Result | None:
    """A failure when the account may use none of these device files."""
    there = [(node, node.stat()) for node in nodes if node.exists()]
    if not there or any(may_use(status, account) for _, status in there):
        return None
    node, status = there[0]
    found = f"{account.name} may not use {node}"
    group = _group(status.st_gid)
    if status.st_gid == 0 or status.st_mode >> 3 & READ_WRITE != READ_WRITE:
        return fail(f"{found}: it is for root alone.", RULES)
    then = "systemctl restart edge-voice" if account.name == USER else "log in again"
    return fail(f"{found}: that is for the group {group}.", f"sudo usermod -aG {group} {account.name}, then {then}")


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def may_use(status: os.stat_result, account: Account) -> bool:
    """Read and write, by the file's mode."""
    if account.uid == 0:
        return True
    shift = 6 if status.st_uid == account.uid else 3 if status.st_gid in account.groups else 0
    return status.st_mode >> shift & READ_WRITE == READ_WRITE
