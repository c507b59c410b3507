"""From the command line and the inventory to what is wanted of the device."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from provision.fleeting import profiles, vault
from provision.fleeting.context import Context
from provision.fleeting.errors import FleetError
from provision.fleeting.errors import Usage as FleetUsage
from provision.fleeting.inventory import update_conf
from provision.fleeting.playing import private_folder
from provision.fleeting.schema import Member

from .errors import ImageError, Usage
from .wanted import Wanted, Wifi

USER = "operator"
EPILOG = """\
IMAGE is an image file of Raspberry Pi OS Lite, 64 bits, of Bookworm or Trixie, unpacked and not customised, or a card
that it was written to, such as /dev/sdb. It is changed in place: copy an image first. This needs root.
At its first boot the device installs the bundle on the card, without a network. It may be switched off at any moment:
the next boot goes on.

examples:
  sudo provision/image --device kitchen --fleet fleet.toml --ssh-key me.pub --bundle dist/X.evb kitchen.img
  sudo provision/image --name kitchen --ssh-key me.pub --ssid Home --passphrase-file wifi --country DE \\
    --trust fleet.pub --bundle dist/X.evb /dev/sdb
"""


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        prog="provision/image", description="Makes a Raspberry Pi OS card or image file one device's own.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = made.add_argument
    add("image", type=Path, metavar="IMAGE", help="an image file, or a card's device")
    add("--device", metavar="NAME", help="a device of the inventory: its name, Wi-Fi, configuration, ring and relay")
    add("--fleet", type=Path, default=Path("fleet.toml"), metavar="FILE", help="the inventory (default: fleet.toml)")
    add("--vault-password-file", type=Path, metavar="FILE", help="for the inventory's file of secrets")
    add("--name", help="the host name, without an inventory")
    add("--user", help=f"who may log in, by key (default: the inventory's, or {USER})")
    add("--ssh-key", type=Path, action="append", default=[], metavar="FILE", help="a public key that may log in")
    add("--bundle", type=Path, metavar="FILE", help="is put on the card, and installed at the first boot")
    add("--channel", default="", metavar="URL", help="instead: install from this channel.json, over the network")
    add("--trust", type=Path, action="append", default=[], metavar="FILE", help="minisign's public key of the bundle")
    add("--ssid", help="Wi-Fi: the network's name")
    add("--passphrase-file", type=Path, metavar="FILE", help="Wi-Fi: its passphrase; asked for when left out")
    add("--open", action="store_true", help="Wi-Fi: it has no passphrase")
    add("--country", default="", help="Wi-Fi: two letters, such as DE")
    add("--locale", default="C.UTF-8", help="such as de_DE.UTF-8 (default: C.UTF-8)")
    add("--timezone", help="such as Europe/Berlin (default: the inventory's, or Etc/UTC)")
    add("--keyboard", default="us", help="its layout, such as de (default: us)")
    add("--config", type=Path, metavar="FILE", help="edge-voice's configuration, without an inventory")
    add("--relay", default="", metavar="URL", help="the relay that it is enrolled at, without an inventory")
    add("--enrol", action="store_true", help="ask the inventory's relay for a code, good once and for a day")
    add("--enrol-code-file", type=Path, metavar="FILE", help="a code that there is already; - for standard input")
    add("--read-only", action="store_true", help="the root is read-only from the second boot on")
    add("--dry-run", action="store_true", help="only say what would be changed")
    add("--yes", action="store_true", help="do not ask before a card is written to")
    return made


def wanted(options: argparse.Namespace) -> Wanted:
    """Raises Usage, or ImageError; everything that is wrong at once."""
    base = _from_inventory(options) if options.device else _plain(options)
    keys = tuple(line for path in options.ssh_key for line in _lines(path))
    trust = tuple(path.resolve() for path in options.trust) or base.trust
    found = replace(
        base, user=options.user or base.user, ssh_keys=keys, bundle=options.bundle, trust=trust,
        channel="" if options.bundle else options.channel or base.channel, locale=options.locale,
        timezone=options.timezone or base.timezone, keyboard=options.keyboard, read_only=options.read_only,
        wifi=_wifi(options) if options.ssid else base.wifi, code=_code(options) or base.code,
    )  # fmt: skip
    found.check()
    return found


def _plain(options: argparse.Namespace) -> Wanted:
    if not options.name:
        raise Usage("Say which device: --device NAME of an inventory, or --name NAME without one.")
    if options.enrol:
        raise Usage("--enrol asks the inventory's relay; without one, there is --enrol-code-file.")
    config = "\n".join(_lines(options.config)) + "\n" if options.config else ""
    return Wanted(options.name, USER, (), relay=options.relay, config=config)


def _wifi(options: argparse.Namespace) -> Wifi:
    if options.open:
        passphrase = ""
    elif options.passphrase_file:
        passphrase = "".join(_lines(options.passphrase_file)[:1])
    elif sys.stdin.isatty():
        passphrase = getpass.getpass(f"Passphrase of {options.ssid}: ")
    else:
        raise Usage("The network's passphrase is missing: --passphrase-file, or --open where it has none.")
    return Wifi(options.ssid, options.country, passphrase)


def _code(options: argparse.Namespace) -> str:
    if not options.enrol_code_file:
        return ""
    if str(options.enrol_code_file) == "-":
        return sys.stdin.readline().strip()
    return "".join(_lines(options.enrol_code_file)[:1]).strip()


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{path} cannot be read: {getattr(error, 'strerror', error)}.") from None


# ---- the inventory -------------------------------------------------------------------------------------------------


@contextmanager
def _inventory(options: argparse.Namespace) -> Iterator[Context]:
    """The inventory, its secrets and its relay; what is wrong with them is told as ours."""
    try:
        with private_folder() as folder:
            yield Context(options, folder)
    except FleetUsage as error:
        raise Usage(str(error)) from None
    except FleetError as error:
        raise ImageError(str(error)) from None
    except ImportError:
        raise ImageError(
            "Secrets are read by ansible, which provision/fleet sets up; then sudo .venv/bin/python provision/image ..."
        ) from None


def _from_inventory(options: argparse.Namespace) -> Wanted:
    with _inventory(options) as context:
        fleet = context.fleet
        member = next((one for one in fleet.members if one.name == options.device), None)
        if member is None:
            names = ", ".join(one.name for one in fleet.members)
            raise Usage(f"There is no device {options.device} in {options.fleet}: {names}.")
        if options.enrol and not (member.own.relay and fleet.relay.url):
            raise Usage(f"--enrol needs relay = true of {member.name}, and [relay] url.")
        wifi = None if options.ssid else _wifi_of(context, member)
    zone = str(member.config.get("device", {}).get("timezone", "")) or "Etc/UTC"
    return Wanted(
        member.name, member.own.user or fleet.settings.user, (), channel=fleet.update.channel, trust=fleet.keys,
        wifi=wifi, timezone=zone, config=profiles.text(member.config, fleet.path.name),
        update=update_conf(fleet.update, member), relay=fleet.relay.url if member.own.relay else "",
    )  # fmt: skip


def _wifi_of(context: Context, member: Member) -> Wifi | None:
    fleet = context.fleet
    if not member.own.wifi:
        return None
    wifi, passphrase = fleet.wifi[member.own.wifi], ""
    if wifi.passphrase:
        file = fleet.secrets
        if file is None or not file.is_file():
            raise ImageError(
                "The inventory refers to secrets, and fleet.secrets names no file: provision/fleet secrets"
            )
        secrets = vault.read(file, context.password_file(file))
        if wifi.passphrase not in secrets:
            raise ImageError(f"The file of secrets has no {wifi.passphrase}: provision/fleet secrets")
        passphrase = secrets[wifi.passphrase]
    return Wifi(wifi.ssid, wifi.country, passphrase)


def with_new_code(options: argparse.Namespace, device: Wanted) -> Wanted:
    """The same with a code of its relay, if one is asked for: last, since a code that is not used is one too many."""
    if not options.enrol:
        return device
    with _inventory(options) as context:
        found = replace(device, code=context.relay().enrolment_code())
    found.check()
    return found
