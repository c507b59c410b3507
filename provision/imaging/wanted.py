"""What a device is to be, checked before anything is written. No secret of it is shown or put on the FAT partition."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .errors import Usage
from .users import NAME as USER

HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LOCALE = re.compile(r"(C|[a-z]{2,3}_[A-Z]{2})\.UTF-8")
ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}")
KEYBOARD = re.compile("[a-z]{2,8}")
COUNTRY = re.compile("[A-Z]{2}")
KEY = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-\S+|sk-\S+@openssh\.com) [A-Za-z0-9+/=]+( [^\n]*)?")
CODE = re.compile(r"[A-Za-z0-9_-]{4,128}")
PLAIN = re.compile(r"[A-Za-z0-9_.-]([A-Za-z0-9 _.-]*[A-Za-z0-9_.-])?")
SSID_BYTES, LEAST, MOST, ROUNDS, PSK_BYTES = 32, 8, 63, 4096, 32  # IEEE 802.11i


@dataclass(frozen=True)
class Wifi:
    """One network. The passphrase is "" for an open one."""

    ssid: str
    country: str
    passphrase: str = field(default="", repr=False)

    def mistakes(self) -> list[str]:
        """All of them."""
        found = []
        if not 0 < len(self.ssid.encode()) <= SSID_BYTES:
            found.append("The network's name has 1 to 32 bytes.")
        if self.passphrase and not LEAST <= len(self.passphrase.encode()) <= MOST:
            found.append("A Wi-Fi passphrase has 8 to 63 characters.")
        if not COUNTRY.fullmatch(self.country):
            found.append("Wi-Fi wants its country, two capital letters such as DE: without it the radio stays off.")
        return found

    def keyfile(self, device: str) -> str:
        """For NetworkManager. The key instead of the passphrase, which people use elsewhere too."""
        ssid = self.ssid
        if not PLAIN.fullmatch(ssid):
            ssid = "".join(f"{byte};" for byte in ssid.encode())  # its form for names that would have to be escaped
        name = uuid.uuid5(uuid.NAMESPACE_DNS, f"{device}.edge-voice.wifi")
        lines = ["[connection]", "id=edge-voice-wifi", f"uuid={name}", "type=wifi", "autoconnect-retries=0", "",
                 "[wifi]", "mode=infrastructure", f"ssid={ssid}", "powersave=2"]  # fmt: skip
        if self.passphrase:
            key = hashlib.pbkdf2_hmac("sha1", self.passphrase.encode(), self.ssid.encode(), ROUNDS, PSK_BYTES)
            lines += ["", "[wifi-security]", "key-mgmt=wpa-psk", f"psk={key.hex()}"]
        return "\n".join([*lines, "", "[ipv4]", "method=auto", "", "[ipv6]", "method=auto", ""])


@dataclass(frozen=True)
class Wanted:
    """One device. `config` and `update` are whole files, or ""; `channel`: where it installs from, without a bundle."""

    name: str
    user: str
    ssh_keys: tuple[str, ...]
    bundle: Path | None = None
    channel: str = ""
    trust: tuple[Path, ...] = ()
    wifi: Wifi | None = None
    locale: str = "C.UTF-8"
    timezone: str = "Etc/UTC"
    keyboard: str = "us"
    config: str = ""
    update: str = ""
    relay: str = ""
    code: str = field(default="", repr=False)
    read_only: bool = False

    def check(self) -> None:
        """Raises Usage with everything that is wrong."""
        found = self.wifi.mistakes() if self.wifi else []
        for pattern, value, words in (
            (HOST, self.name, "A device's name has small letters, digits and hyphens"),
            (USER, self.user, "A user's name has small letters, digits and hyphens, and begins with a letter"),
            (LOCALE, self.locale, "A locale is like de_DE.UTF-8"),
            (ZONE, self.timezone, "A time zone is like Europe/Berlin"),
            (KEYBOARD, self.keyboard, "A keyboard is like de"),
        ):  # fmt: skip
            if not pattern.fullmatch(value):
                found.append(f"{words}, not {value!r}.")
        if not self.ssh_keys:
            found.append("Nobody could log in: give --ssh-key FILE, a public key such as ~/.ssh/id_ed25519.pub.")
        found += ["An SSH key is no public one; give the file that ends with .pub." for key in self.ssh_keys
                  if not KEY.fullmatch(key)]  # fmt: skip
        if bool(self.bundle) == bool(self.channel):
            found.append("Say what it installs from: --bundle FILE, or --channel URL for the network.")
        if not self.trust:
            found.append("A bundle could not be checked: give --trust FILE.pub, minisign's public key.")
        if self.code and not CODE.fullmatch(self.code):
            found.append("The enrolment code is not one of a relay's.")
        if self.code and not self.relay:
            found.append("An enrolment code needs --relay URL.")
        found += [f"{url} is no address; one begins with https://." for url in (self.channel, self.relay)
                  if url and not (urlsplit(url).scheme in {"http", "https"} and urlsplit(url).hostname)]  # fmt: skip
        if found:
            raise Usage("\n".join(found))
