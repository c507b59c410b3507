"""fleet.toml read and checked: all mistakes at once."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge.config.merging import nearest, shown
from provision.fleeting import profiles
from provision.fleeting.errors import Invalid, Usage
from provision.fleeting.filling import fill
from provision.fleeting.schema import Device, Fleet, Member, Relay, Settings, Tables, Update, Wifi
from provision.updater.decisions import RINGS, ring_of

SECTIONS = ("fleet", "update", "relay", "wifi", "defaults", "groups", "hardware", "engines", "devices")
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # a host name, since it becomes one
WINDOW = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
COUNTRY = re.compile("[A-Z]{2}")
INHERITED = {field.name for field in fields(Device)} - {"address", "groups", "room"}
OWN = {"keys", "config"}  # beside the struct's own keys, where a section may have them


def load(path: Path) -> Fleet:
    """Read the file; raises Usage when there is none, Invalid with everything that is wrong with it."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Usage(f"There is no {path}. Begin with a copy of provision/fleet.example.toml.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Usage(f"{path} cannot be read: {error}") from None
    return parse(given, path)


def parse(given: Mapping[str, Any], path: Path) -> Fleet:
    """The same of what has been read already; `path` is where references to files begin."""
    reader = _Reader(given)
    fleet = reader.fleet(path.resolve())
    if reader.problems:
        raise Invalid(reader.problems)
    return fleet


@dataclass
class _Reader:
    given: Mapping[str, Any]
    problems: list[str] = field(default_factory=list)

    def fleet(self, path: Path) -> Fleet:
        self.problems += [f"There is no section [{name}].{nearest(name, SECTIONS)}" for name in self.given
                          if name not in SECTIONS]  # fmt: skip
        settings = fill(Settings(), "fleet", self.given.get("fleet", {}), self.problems)
        update = fill(Update(), "update", self.given.get("update", {}), self.problems)
        relay = fill(Relay(), "relay", self.given.get("relay", {}), self.problems)
        wifi = {name: fill(Wifi(), f"wifi.{name}", value, self.problems) for name, value in self._named("wifi")}
        self._limits(update, relay, wifi)
        members = tuple(self._members())
        self._distinct(members)
        fleet = Fleet(path, settings, update, relay, wifi, members)
        self.problems += [f"fleet.keys: there is no file {key}." for key in fleet.keys if not key.is_file()]
        return fleet

    def _named(self, section: str) -> Iterator[tuple[str, Any]]:
        entries = self.given.get(section, {})
        if not isinstance(entries, Mapping):
            self.problems.append(f"{section} must be sections: [{section}.NAME].")
            return
        yield from entries.items()

    def _limits(self, update: Update, relay: Relay, wifi: Mapping[str, Wifi]) -> None:
        add = self.problems.append
        if list(update.waves) != sorted({*update.waves}) or update.waves[-1:] != (100,) or update.waves[0] < 1:
            add(f"update.waves = {shown(list(update.waves))} must rise and end with 100, such as [10, 50, 100].")
        if update.window and not WINDOW.fullmatch(update.window):
            add(f"update.window = {shown(update.window)} is like 02:00-05:00.")
        for key, url in (("relay.url", relay.url), ("update.channel", update.channel)):
            if url and not (urlsplit(url).scheme in {"https", "http"} and urlsplit(url).hostname):
                add(f"{key} = {shown(url)} is no address; one looks like https://voice.example.org.")
        for name, one in wifi.items():
            if not 0 < len(one.ssid.encode()) <= 32:  # noqa: PLR2004  IEEE 802.11
                add(f"wifi.{name}.ssid must have 1 to 32 bytes.")
            if not COUNTRY.fullmatch(one.country):
                add(f"wifi.{name}.country = {shown(one.country)} must be two capital letters, such as DE.")

    # --- devices ------------------------------------------------------------------------------------

    def _members(self) -> Iterator[Member]:
        engines = {name: self._engine(name, value) for name, value in self._named("engines")}
        hardware = {name: self._tables(f"hardware.{name}", value) for name, value in self._named("hardware")}
        layers = {name: self._layer(f"groups.{name}", value) for name, value in self._named("groups")}
        base = self._layer("defaults", self.given.get("defaults", {}))
        relay = self.given.get("relay", {})
        url = relay.get("url", "") if isinstance(relay, Mapping) else ""
        if not self.given.get("devices"):
            self.problems.append("There are no devices: [devices.kitchen], and so on.")
        for name, value in self._named("devices"):
            place = f"devices.{name}"
            if not NAME.fullmatch(name):
                self.problems.append(f"[{place}]: a name has small letters, digits and hyphens only.")
            mine = self._layer(place, value, own=True)
            groups = [layers[group] for group in self._known(f"{place}.groups", mine.keys.get("groups", ()), layers)]
            device = Device()
            for layer in (base, *groups, mine):
                device = replace(device, **layer.keys)
            engine = self._one(f"{place}.engine", device.engine, engines, _Engine())
            own = {"device": {"name": name}} | ({"relay": {"url": url}} if device.relay else {})
            config = profiles.together(own, engine.config, base.config,
                                       self._one(f"{place}.hardware", device.hardware, hardware, {}),
                                       *(group.config for group in groups), mine.config)  # fmt: skip
            self._one(f"{place}.wifi", device.wifi, dict(self._named("wifi")), None)
            if device.relay and not url:
                self.problems.append(f"{place}.relay = true needs [relay] url.")
            self.problems += profiles.mistakes(config, place)
            ring = 0 if device.canary else device.ring if device.ring >= 0 else ring_of(name) % RINGS
            yield Member(name, device, ring, config, engine.keys)

    def _layer(self, place: str, given: object, *, own: bool = False) -> _Layer:
        """The keys that stand in one place, and its piece of configuration."""
        if not isinstance(given, Mapping):
            self.problems.append(f"{place} must be a section: [{place}].")
            return _Layer()
        keys = {key: value for key, value in given.items() if key not in OWN}
        if not own:
            for key in [key for key in keys if key in {"address", "groups", "room"}]:
                del keys[key]
                self.problems.append(f"[{place}]: {key} is each device's own.")
        filled = fill(Device(), place, keys, self.problems)
        config = self._tables(f"{place}.config", given.get("config", {}))
        return _Layer({key: getattr(filled, key) for key in keys if hasattr(filled, key)}, config)

    def _engine(self, name: str, given: object) -> _Engine:
        place = f"engines.{name}"
        if not isinstance(given, Mapping):
            self.problems.append(f"{place} must be a section: [{place}].")
            return _Engine()
        keys = given.get("keys", {})
        if not isinstance(keys, Mapping) or not all(isinstance(value, str) for value in keys.values()):
            self.problems.append(f'{place}.keys names secrets: {{ openai_api_key = "name in the file of secrets" }}.')
            keys = {}
        for key in keys:
            if not re.fullmatch("[a-z][a-z0-9_]*", key):
                self.problems.append(f"{place}.keys: a key's name is like openai_api_key, not {shown(key)}.")
        config = {section: value for section, value in given.items() if section != "keys"}
        return _Engine(self._tables(place, config), keys)

    def _tables(self, place: str, given: object) -> Tables:
        if isinstance(given, Mapping):
            good = {name: value for name, value in given.items() if isinstance(value, Mapping)}
            self.problems += [f"{place}.{name} must be a section of edge-voice's configuration: [{place}.audio], say."
                              for name in given if name not in good]  # fmt: skip
            return good
        self.problems.append(f"{place} must be a section: [{place}].")
        return {}

    def _known(self, place: str, names: tuple[str, ...], known: Mapping[str, object]) -> list[str]:
        self.problems += [f"{place}: there is no {shown(name)}.{nearest(name, known)}" for name in names
                          if name not in known]  # fmt: skip
        return [name for name in names if name in known]

    def _one(self, place: str, name: str, known: Mapping[str, Any], otherwise: Any) -> Any:
        return known[name] if name and self._known(place, (name,), known) else otherwise

    def _distinct(self, members: tuple[Member, ...]) -> None:
        places = Counter((member.own.address or member.name, member.own.port) for member in members)
        self.problems += [f"Two devices have the address {address}." for (address, _), count in places.items()
                          if count > 1]  # fmt: skip


@dataclass(frozen=True)
class _Layer:
    keys: Mapping[str, Any] = field(default_factory=dict)
    config: Tables = field(default_factory=dict)


@dataclass(frozen=True)
class _Engine:
    config: Tables = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
