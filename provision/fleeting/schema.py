"""fleet.toml as frozen structs. Each key says what it is for, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.config.fields import setting

Tables = Mapping[str, Mapping[str, Any]]  # sections of edge-voice's own configuration


@dataclass(frozen=True)
class Settings:
    """[fleet]."""

    user: str = setting("root", "who logs in over SSH, by key; sudo must ask for no password")
    port: int = setting(22, "of SSH", 1, 65535)
    secrets: str = setting("", "file of ansible-vault, beside this one, to which secrets are references")
    keys: tuple[str, ...] = setting((), "minisign public keys (*.pub) that bundles are checked with")
    forks: int = setting(25, "devices worked on at a time; 0.1 GB of memory here for each", 1, 500)
    ssh: str = setting("", "more options of ssh, such as -J jump.example.org")


@dataclass(frozen=True)
class Update:
    """[update]."""

    waves: tuple[int, ...] = setting((10, 50, 100), "after the canaries: up to so many percent, by ring")
    soak_minutes: float = setting(10.0, "between waves; then the devices are looked at again", 0, 10_080)
    failure_percent: float = setting(5.0, "an update is halted when more of a wave fail; of the canaries, none may",
                                     0, 100)  # fmt: skip
    canaries_needed: int = setting(1, "so many canaries must have taken it; 0: offline ones hold nothing up", 0, 1000)
    window: str = setting("", "on each device: when an update may interrupt, such as 02:00-05:00")
    minutes: float = setting(3.0, "on each device: how long a new release is watched before it is kept", 0, 60)
    channel: str = setting("", "on each device: address of a signed channel.json, for those that pull")


@dataclass(frozen=True)
class Relay:
    """[relay]."""

    url: str = setting("", "the relay that devices are enrolled at, such as https://voice.example.org")
    token: str = setting("", "name of the secret that has the token of `edge-voice relay fleet-token NAME`")


@dataclass(frozen=True)
class Wifi:
    """[wifi.NAME], for provision/image."""

    ssid: str = setting("", "the network's name")
    passphrase: str = setting("", "name of the secret that has its passphrase")
    country: str = setting("", "two letters, such as DE: which channels are allowed")


@dataclass(frozen=True)
class Device:
    """[devices.NAME], [defaults] and [groups.NAME].

    A device's own keys go before its groups', and those before the defaults.
    """

    address: str = setting("", "name or number that SSH reaches it at; the device's name when empty")
    room: str = setting("", "where it stands")
    groups: tuple[str, ...] = setting((), "whose keys it has too; later ones go before earlier ones")
    hardware: str = setting("", "one of [hardware.NAME]")
    engine: str = setting("", "one of [engines.NAME]")
    wifi: str = setting("", "one of [wifi.NAME]")
    relay: bool = setting(False, "whether it is linked to the relay")
    canary: bool = setting(False, "whether it is among the first to get an update")
    ring: int = setting(-1, "0 to 99, the lower the earlier; worked out of the name when absent", -1, 99)
    user: str = setting("", "who logs in, where it is not [fleet] user")
    port: int = setting(0, "of SSH, where it is not [fleet] port", 0, 65535)
    retired: bool = setting(False, "kept in the list, and left alone")


@dataclass(frozen=True)
class Member:
    """One device with all that it inherits. `config` is edge-voice's, `keys` its credentials: name -> secret."""

    name: str
    own: Device
    ring: int
    config: Tables
    keys: Mapping[str, str]


@dataclass(frozen=True)
class Fleet:
    """The whole file; every path in it is absolute, and every reference has been seen to lead somewhere."""

    path: Path
    settings: Settings = field(default_factory=Settings)
    update: Update = field(default_factory=Update)
    relay: Relay = field(default_factory=Relay)
    wifi: Mapping[str, Wifi] = field(default_factory=dict)
    members: tuple[Member, ...] = ()

    @property
    def secrets(self) -> Path | None:
        """The file of secrets."""
        return self.path.parent / self.settings.secrets if self.settings.secrets else None

    @property
    def keys(self) -> tuple[Path, ...]:
        """The public keys."""
        return tuple(self.path.parent / name for name in self.settings.keys)

    def wanted_secrets(self) -> dict[str, str]:
        """The names of all secrets that are referred to, each with the place that does."""
        found = {self.relay.token: "relay.token"} if self.relay.token else {}
        found |= {wifi.passphrase: f"wifi.{name}.passphrase" for name, wifi in self.wifi.items() if wifi.passphrase}
        for member in self.members:
            found |= {secret: f"engines.{member.own.engine}.keys.{key}" for key, secret in member.keys.items()}
        return found
