"""`provision/bundle`: the options, and the folder that becomes a bundle."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from provision import select_locked
from provision.updater import VERSION as UPDATER
from provision.updater.errors import UpdateError

from . import packages, sbom
from .building import Release, build
from .channel import publish
from .errors import BundleError
from .packages import Target

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = ("local", "cloud", "pi", "strips", "link", "wake", "mcp")
CATALOGUE = ROOT / "edge/agents/local/models/manifest.toml"
MODELS = Path.home() / ".local/share/edge-voice/models"
REFERENCE = "import edge.config as c; print(c.show(c.Config()))"
EPILOG = """\
Keys: `minisign -G -p fleet.pub -s fleet.key` makes a pair. Devices have the public ones, *.pub, in
/etc/edge-voice/keys: best two, the one in use and the next, whose secret half lies elsewhere.
Debian packages, for machines that lack them and have no network: DIR/aarch64-3.13/*.deb, filled on such a machine by
  apt-get install --download-only -o Dir::Cache::archives=DIR/aarch64-3.13 \\
    python3-systemd libportaudio2 alsa-utils
openssl must be there before: without it no signature can be checked.

examples:
  provision/bundle --key fleet.key --models
  provision/bundle --key fleet.key --channel /srv/www/edge-voice --percentage 5
"""


def main(argv: list[str]) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        if options.channel:
            print(_channel(options))
        else:
            with tempfile.TemporaryDirectory() as folder:
                path = _bundle(options, Path(folder))
            print(f"{path} {path.stat().st_size >> 20} MB, sha256 {sbom.digest(path)}")
            if options.key is None:
                print("It is not signed, so no device takes it: see --key.", file=sys.stderr)
    except (BundleError, UpdateError, OSError) as error:
        print(f"bundle: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="provision/bundle", description="Builds one signed file that devices are installed and updated from.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("--out", type=Path, default=ROOT / "dist", metavar="DIR", help="where it goes (default: dist)")
    add("--arch", action="append", choices=("aarch64", "x86_64"), help="for these machines (default: both)")
    add("--python", action="append", choices=("3.11", "3.12", "3.13"), help="for these (default: 3.11 and 3.13)")
    add("--extras", default=" ".join(EXTRAS), help=f"parts of pyproject.toml (default: {' '.join(EXTRAS)})")
    add("--models", nargs="?", type=Path, const=MODELS, metavar="DIR", help=f"with the models of DIR ({MODELS})")
    add("--wheels", type=Path, metavar="DIR", help="take packages from DIR alone: no network is needed")
    add("--debs", type=Path, metavar="DIR", help="with the Debian packages of DIR/<machine>-<python>/*.deb")
    add("--key", type=Path, metavar="FILE", help="minisign's secret key to sign with")
    add("--sequence", type=int, metavar="N", help="the number that must grow (default: how many commits there are)")
    add("--expires", type=int, default=365, metavar="DAYS", help="not installed after so many days (default: 365)")
    add("--class", dest="kind", default="release", help="which devices take it (default: release)")
    add(
        "--channel",
        type=Path,
        metavar="DIR",
        help="write and sign DIR/channel.json for the bundles in DIR, and no more",
    )
    add("--percentage", type=int, default=100, choices=range(101), metavar="N", help="with --channel: of devices")
    add("--halt", action="store_true", help="with --channel: no device begins an update")
    return parser


def _channel(options: argparse.Namespace) -> Path:
    if options.key is None:
        raise BundleError("A channel is signed: give --key.")
    return publish(options.channel, options.percentage, options.key, halt=options.halt)


def _git(*words: str) -> str:
    try:
        done = subprocess.run(("git", *words), capture_output=True, text=True, cwd=ROOT, check=False)  # noqa: S607
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _epoch() -> int:
    """The time of everything in the bundle: the commit's, not the clock's."""
    text = os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct")
    if not text.isdecimal():
        raise BundleError("This is not a git checkout: set SOURCE_DATE_EPOCH to the time of its sources.")
    return int(text)


def _sequence(options: argparse.Namespace) -> int:
    text = str(options.sequence or _git("rev-list", "--count", "HEAD"))
    if not text.isdecimal() or int(text) < 1:
        raise BundleError("This is not a git checkout: give --sequence, a number that grows with each bundle.")
    return int(text)


def _bundle(options: argparse.Namespace, work: Path) -> Path:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    epoch, folder = _epoch(), work / "bundle"
    targets = [Target(machine, int(python.partition(".")[2])) for machine in options.arch or ("aarch64", "x86_64")
               for python in options.python or ("3.11", "3.13")]  # fmt: skip
    wheels = _wheels(options, targets, work, epoch)
    debs = _debs(options, targets, folder)
    models = _models(options.models, folder)
    _copy_sources(folder)
    reference = packages.run(
        [sys.executable, "-c", REFERENCE], "The configuration cannot be shown", cwd=ROOT
    )  # the keys and what they mean
    (folder / "config.reference.toml").write_text(reference)
    created = datetime.fromtimestamp(epoch, UTC)
    components = [sbom.wheel(path) for path in sorted((folder / "wheels").iterdir())]
    (folder / "sbom.cdx.json").write_bytes(
        sbom.document(project["version"], created, components + sbom.models(CATALOGUE, models))
    )
    schema = hashlib.sha256(reference.encode()).hexdigest()[:12]
    release = Release(project["version"], _sequence(options), created, options.expires, options.kind, UPDATER, schema,
                      wheels, debs)  # fmt: skip
    return build(release, folder, options.out, options.key)


def _wheels(options: argparse.Namespace, targets: list[Target], work: Path, epoch: int) -> dict[str, list[str]]:
    """Into the folder; their names by target. What several targets share is there once."""
    lock, into = (ROOT / "requirements.lock").read_text(), work / "bundle/wheels"
    into.mkdir(parents=True)
    build_pins = select_locked.select(lock, select_locked.wanted(["build"], base=False) - {"setuptools"})
    packages.download(build_pins, targets[0], work / "flit", options.wheels)
    own = packages.build_own(ROOT, next((work / "flit").glob("flit_core-*.whl")), work / "own", epoch)
    found = {}
    for target in targets:
        there = work / target.name
        pins = packages.pins(lock, options.extras.split(), target)
        packages.download(pins, target, there, options.wheels)
        shutil.copy(own, there)
        found[target.name] = sorted(packages.short(path.name) for path in there.iterdir())
        for path in there.iterdir():
            shutil.move(path, into / packages.short(path.name))
    return found


def _debs(options: argparse.Namespace, targets: list[Target], folder: Path) -> dict[str, list[str]]:
    found = {}
    for target in targets if options.debs else ():
        paths = sorted((options.debs / target.name).glob("*.deb"))
        (folder / "debs").mkdir(exist_ok=True)
        for path in paths:
            shutil.copyfile(path, folder / "debs" / _plain(path.name))
        found[target.name] = [_plain(path.name) for path in paths]
    return found


def _plain(name: str) -> str:
    """A file name as a bundle allows it: for the colon of an epoch, apt writes %3a."""
    return name.replace("%3a", "~")


def _models(source: Path | None, folder: Path) -> list[str]:
    """Those that the catalogue knows; each file must be as it says."""
    if source is None:
        return []
    known = {model["id"]: model["file"] for model in tomllib.loads(CATALOGUE.read_text())["model"]}
    found = [name for name in sorted(known) if (source / name).is_dir()]
    if not found:
        raise BundleError(f"There are no models in {source}: edge-voice models fetch")
    for name in found:
        (folder / "models" / name).mkdir(parents=True)
        for file in known[name]:
            target = folder / "models" / name / file["name"]
            shutil.copyfile(source / name / file["name"], target)
            if sbom.digest(target) != file["sha256"]:
                raise BundleError(f"{source / name / file['name']} is damaged: edge-voice models fetch")
    return found


def _copy_sources(folder: Path) -> None:
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "systemd", folder / "units", ignore=ignore)
    shutil.copytree(ROOT / "provision/updater", folder / "updater", ignore=ignore)
    for name in ("README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, folder / name)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.name == "edge-voice-update" else 0o644)
