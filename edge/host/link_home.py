"""What a device keeps of its relay, in the state directory: its key, and the relay's address if enrol has named it."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.errors import LinkError
from edge.host import identity
from edge.host.identity import Identity

RELAY = "relay.json"


@dataclass(frozen=True, slots=True)
class Home:
    """`configured` is relay.url, which goes before what enrol has named."""

    folder: Path
    configured: str = ""

    @property
    def url(self) -> str:
        """Of the relay; "" for none."""
        return (self.configured or self._named()).rstrip("/")

    def identity(self) -> Identity | None:
        """See identity.load."""
        return identity.load(self.folder / identity.NAME)

    def own(self) -> Identity:
        """See identity.create."""
        return identity.create(self.folder / identity.NAME)

    def renew(self) -> Identity:
        """Another one, since the old one has been revoked."""
        identity.forget(self.folder / identity.NAME)
        return self.own()

    def name_relay(self, url: str) -> None:
        """For a device whose configuration names none. Raises LinkError."""
        if self.configured.rstrip("/").lower() == url.rstrip("/").lower():
            return
        if self.configured:
            raise LinkError(f"relay.url of the configuration names another relay ({self.configured}); change it there.")
        path = self.folder / RELAY
        aside = path.with_name(f".{RELAY}.{secrets.token_hex(4)}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with aside.open("w") as file:
                if os.geteuid() == 0:
                    owner = self.folder.stat()
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                json.dump({"url": url}, file)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
            identity.sync_folder(self.folder)
        except OSError as error:
            raise LinkError(f"The relay's address cannot be kept in {self.folder}: {error.strerror}.") from None

    def forget(self) -> None:
        """Nothing of the link is left. Raises LinkError."""
        identity.forget(self.folder / identity.NAME)
        with suppress(OSError):
            (self.folder / RELAY).unlink(missing_ok=True)

    def _named(self) -> str:
        with suppress(OSError, ValueError, KeyError, TypeError):
            url = json.loads((self.folder / RELAY).read_text())["url"]
            return url if isinstance(url, str) else ""
        return ""
