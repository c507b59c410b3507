"""A card in a folder, as provision/image leaves it, and its first boot without a machine.

`python -m tests.provision.first ROOT` is one boot, to be killed or cut off at will.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from provision.firstboot.plan import Card
from provision.firstboot.steps import FirstBoot
from provision.updater import files
from provision.updater.errors import UpdateError
from provision.updater.layout import Layout
from provision.updater.service import command
from tests.provision import evb
from tests.provision.rehearsal import run

STEPS = ["radio", "bundle", "packages", "install", "locale", "enrol", "read-only", "clear"]
PLAN = {"channel": "", "locale": "C.UTF-8", "relay": "https://voice.example.org", "code_until": 4_000_000_000,
        "read_only": True, "wifi": False}  # fmt: skip
CODE = "evc_0123456789"
# The release's command, of which only enrolling matters here: like the relay, it takes a code once.
COMMAND = """#!/bin/sh
case $1 in
    status) [ -e "$0.linked" ] && echo '{"ready": true, "state": "idle", "link": {"standing": "online"}}' || exit 1 ;;
    enrol)
        [ ! -e "$0.offline" ] || { echo "The relay cannot be reached."; exit 1; }
        [ ! -e "$0.linked" ] || { echo "403: the code $5 has been used."; exit 1; }
        echo "$*" >"$0.new" && sync "$0.new" && mv "$0.new" "$0.linked" && sync "${0%/*}" ;;
esac
"""


def played(words: tuple[Any, ...], limit: float, **how: Any) -> tuple[int, str]:
    """The updater is the real one, on this folder; systemd's programs have nothing to do here."""
    if "apply" in words:
        root = Path(words[3]).parents[3]
        code = run(Layout(root), *words[2:])
        script = Layout(root).current / "bin/edge-voice"
        if code == 0 and not script.read_text().startswith("#!/bin/sh"):
            files.write(script, COMMAND, 0o755)
        return code, "" if code else "installed"
    if str(words[0]).endswith("bin/edge-voice"):
        return command(words, limit)
    return 0, ""


def go(root: Path) -> int:
    """One boot; the exit code."""
    try:
        FirstBoot(Card(Layout(root)), played, lambda _: None).go()
    except UpdateError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def prepared(root: Path, maker: evb.Maker) -> Path:
    """The card, with a bundle and a code; its root."""
    layout = evb.blank(root, maker.key)
    place = Card(layout).folder
    place.mkdir(parents=True)
    (place / "plan.json").write_text(json.dumps(PLAN))
    shutil.copy(maker.make(1), place / "bundle.evb")
    (place / "code").write_text(f"{CODE}\n")
    (layout.root / "etc/resolv.conf").write_text("nameserver 192.0.2.1\n")
    return layout.root


def linked(card: Card) -> Path:
    return card.layout.current / "bin/edge-voice.linked"


def assert_finished(card: Card) -> None:
    root = card.layout.root
    assert card.done.is_file()
    assert card.done.read_text().endswith("Z everything as planned\n")
    assert card.layout.current.readlink().name == "0.1.0+1"
    assert linked(card).read_text() == f"enrol --relay {PLAN['relay']} --code {CODE}\n"
    assert sorted(path.name for path in card.folder.iterdir()) == ["done", "finished.json", "plan.json"]
    wants = root / "etc/systemd/system/sysinit.target.wants/edge-voice-read-only.service"
    assert str(wants.readlink()) == "../edge-voice-read-only.service"
    assert str((root / "etc/resolv.conf").readlink()) == "/run/NetworkManager/resolv.conf"
    assert str((root / "etc/systemd/system/apt-daily.timer").readlink()) == "/dev/null"


def main(root: str) -> int:
    if os.environ.get("EDGE_VOICE_TEST_UNSAFE"):  # the mutant: nothing is forced onto the disk
        os.fsync = lambda _: None  # type: ignore[assignment]
        os.sync = lambda: None
    return go(Path(root))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
