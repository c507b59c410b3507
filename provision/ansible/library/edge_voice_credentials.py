"""Ansible module: the service's keys as systemd credentials, encrypted with the machine's own secret where that works.

As provision/keys.sh does it. Keys that are not given are taken away: no vendor's key is on a device unasked.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: edge_voice_credentials
short_description: Keys of edge-voice as systemd credentials
options:
  keys:
    description: Name of the credential, and its value.
    type: dict
    required: true
  root:
    description: Where the machine's files begin.
    type: path
    default: /
"""

NAME = re.compile("[a-z][a-z0-9_]*")
PREFIX = "edge-voice."


class Store:
    """The two folders and the drop-in."""

    def __init__(self, root: Path) -> None:
        self.sealed, self.plain = root / "etc/credstore.encrypted", root / "etc/credstore"
        self.drop_in = root / "etc/systemd/system/edge-voice.service.d/credentials.conf"

    def names(self) -> set[str]:
        """All that are there."""
        found = [*self.sealed.glob(f"{PREFIX}*"), *self.plain.glob(f"{PREFIX}*")]
        return {path.name[len(PREFIX) :] for path in found if not path.name.endswith(".new")}

    def read(self, name: str) -> str | None:
        """As it is stored now; None if it is not."""
        sealed, plain = self.sealed / (PREFIX + name), self.plain / (PREFIX + name)
        if sealed.exists():
            done = creds("decrypt", name, sealed, "-")
            return done.stdout.decode() if done is not None and done.returncode == 0 else None
        return plain.read_text() if plain.exists() else None

    def write(self, name: str, value: str) -> None:
        """Sealed, or plain for root alone."""
        sealed, plain = self.sealed / (PREFIX + name), self.plain / (PREFIX + name)
        for folder in (self.sealed, self.plain):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = sealed.with_name(sealed.name + ".new")
        done = creds("encrypt", name, "-", new, value.encode())
        if done is not None and done.returncode == 0:
            new.replace(sealed)
            plain.unlink(missing_ok=True)
            return
        new.unlink(missing_ok=True)
        new = plain.with_name(plain.name + ".new")
        new.write_text(value)
        new.replace(plain)
        sealed.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """From both."""
        for folder in (self.sealed, self.plain):
            (folder / (PREFIX + name)).unlink(missing_ok=True)

    def lines(self) -> str:
        """The drop-in as it must be."""
        found = ["[Service]"]
        for name in sorted(self.names()):
            sealed = self.sealed / (PREFIX + name)
            kind = (
                ("LoadCredentialEncrypted", sealed) if sealed.exists() else ("LoadCredential", self.plain / sealed.name)
            )
            found.append(f"{kind[0]}={name}:{kind[1]}")
        return "\n".join(found) + "\n" if found[1:] else ""

    def link(self) -> bool:
        """Write the drop-in; gives whether it has changed."""
        wanted = self.lines()
        there = self.drop_in.read_text() if self.drop_in.exists() else ""
        if there == wanted:
            return False
        if not wanted:
            self.drop_in.unlink()
            return True
        self.drop_in.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.drop_in.write_text(wanted)
        self.drop_in.chmod(0o644)
        return True


def creds(
    verb: str, name: str, source: Path | str, target: Path | str, text: bytes | None = None
) -> subprocess.CompletedProcess[bytes] | None:
    """Run systemd-creds; None where there is no such program."""
    try:
        words = ["systemd-creds", verb, f"--name={name}", str(source), str(target)]
        return subprocess.run(words, input=text, capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None


def main() -> None:
    """As Ansible calls it."""
    options = {"keys": {"type": "dict", "required": True, "no_log": True}, "root": {"type": "path", "default": "/"}}
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    keys = {name: str(value) for name, value in module.params["keys"].items()}
    wrong = [name for name, value in keys.items() if not NAME.fullmatch(name) or not value]
    if wrong:
        module.fail_json(msg=f"a key's name is like openai_api_key, and it has a value: {', '.join(wrong)}")
    store = Store(Path(module.params["root"]))
    surplus = sorted(store.names() - keys.keys())
    differ = sorted(name for name, value in keys.items() if store.read(name) != value)
    if not module.check_mode:
        os.umask(0o077)
        for name in surplus:
            store.remove(name)
        for name in differ:
            store.write(name, keys[name])
    relinked = store.link() if not module.check_mode else False
    module.exit_json(changed=bool(surplus or differ or relinked), set=differ, removed=surplus)


if __name__ == "__main__":
    main()
