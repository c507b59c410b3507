"""The device's own key pair, by which its relay knows it: made here, and never anywhere else."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import LinkError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAME = "identity"  # in the state directory
LACKS = "The link to a relay needs a package that is not installed: pip install 'edge-voice[link]'"
ID_CHARACTERS = 20


class Identity:
    """An Ed25519 key pair. What it prints as holds no secret."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        public = key.public_key().public_bytes_raw()
        self.public_key = base64.b64encode(public).decode()
        self.id = base64.b32encode(hashlib.sha256(public).digest()).decode()[:ID_CHARACTERS]

    def __repr__(self) -> str:
        return f"Identity({self.id})"

    def sign(self, text: bytes) -> str:
        """The signature, in base64."""
        return base64.b64encode(self._key.sign(text)).decode()


def load(path: Path) -> Identity | None:
    """The one of the file; None if there is none. Raises LinkError for a file that cannot be used."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LinkError(f"This device's key {path} cannot be read: {error.strerror}.") from None
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ModuleNotFoundError:
        raise LinkError(LACKS) from None
    with suppress(ValueError, TypeError):  # TypeError: it is encrypted
        key = load_pem_private_key(content, None)
        if isinstance(key, Ed25519PrivateKey):
            return Identity(key)
    raise LinkError(f"{path} is no key of a device: edge-voice unenrol removes it, edge-voice pair makes another.")


def create(path: Path) -> Identity:
    """The one that is there, else a new one. After a power cut there is a whole file or none."""
    found = load(path)
    if found is not None:
        return found
    try:
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ModuleNotFoundError:
        raise LinkError(LACKS) from None
    key = Ed25519PrivateKey.generate()
    content = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    try:
        _write(path, content)
    except FileExistsError:  # another process was faster
        return create(path)
    except OSError as error:
        raise LinkError(f"This device's key cannot be kept in {path.parent}: {error.strerror}.") from None
    return Identity(key)


def _write(path: Path, content: bytes) -> None:
    """FileExistsError if there is one; of the folder's owner, when root does it for the service."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if os.geteuid() == 0:
                folder = path.parent.stat()
                os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    finally:
        with suppress(OSError):
            aside.unlink()
    sync_folder(path.parent)


def forget(path: Path) -> None:
    """There is none any more, nor after a power cut. Raises LinkError."""
    try:
        path.unlink(missing_ok=True)
        for left in path.parent.glob(f".{path.name}.*"):  # of a power cut while it was made
            left.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_folder(path.parent)
    except OSError as error:
        raise LinkError(f"This device's key {path} cannot be removed: {error.strerror}.") from None


def sync_folder(folder: Path) -> None:
    """So that the names in it outlast a power cut."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
