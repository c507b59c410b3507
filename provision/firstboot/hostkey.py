"""The device's SSH host key, whole or not there: cut off, ssh-keygen leaves an empty file, and sshd never starts."""

from __future__ import annotations

from pathlib import Path

from provision.updater import files
from provision.updater.errors import UpdateError
from provision.updater.service import command

LIMIT_S = 60


def make(root: Path) -> None:
    """Make it, unless there is a good one."""
    key = root / "etc/ssh/ssh_host_ed25519_key"
    public, partial = key.with_name(f"{key.name}.pub"), key.with_name(f".{key.name}.new")
    if key.is_file() and public.is_file():
        code, said = command(("ssh-keygen", "-y", "-P", "", "-f", key), LIMIT_S)
        if code == 0 and said.split()[:2] == public.read_text().split()[:2]:
            return
    for path in (partial, partial.with_name(f"{partial.name}.pub")):
        path.unlink(missing_ok=True)
    code, said = command(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", partial), LIMIT_S)
    if code:
        raise UpdateError(f"No SSH host key could be made: {said.strip()[-200:]}")
    for path in (partial, partial.with_name(f"{partial.name}.pub")):
        files.sync(path)
    # The public half first: with the other one there, both are.
    files.rename(partial.with_name(f"{partial.name}.pub"), public)
    files.rename(partial, key)
