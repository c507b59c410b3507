"""pull: a real web server with the faults of real ones, and real signatures."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from provision.bundling.channel import publish
from provision.bundling.errors import BundleError
from provision.bundling.signing import sign
from provision.updater.channel import Asker, offered, parse
from provision.updater.layout import Layout
from provision.updater.records import load_history
from tests.provision import evb
from tests.provision.rehearsal import EPOCH, Played, run

pytestmark = pytest.mark.skipif(bool(evb.missing()), reason=f"needs {evb.missing()}")
DAY = 86400


class Web:
    """Serves a folder; can cut an answer off, and forget that there are ranges."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, list[str]()
        self.cut_after, self.ranges = 0, True
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = self.folder / request.path.strip("/").replace("%2B", "+")
        if not path.is_file():
            request.send_error(404)
            return
        data, given = path.read_bytes(), request.headers.get("Range", "")
        begin = int(match[1]) if self.ranges and (match := re.fullmatch(r"bytes=(\d+)-", given)) else 0
        self.asked.append(f"{path.name} {begin}")
        request.send_response(206 if begin else 200)
        request.send_header("Content-Length", str(len(data) - begin))
        request.end_headers()
        is_large = path.suffix == ".evb" and self.cut_after
        request.wfile.write(data[begin : begin + self.cut_after] if is_large else data[begin:])


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> evb.Maker:
    folder = tmp_path_factory.mktemp("pulled")
    return evb.Maker(folder, evb.make_keys(folder))


@pytest.fixture
def web(tmp_path: Path, maker: evb.Maker) -> Iterator[Web]:
    (tmp_path / "www").mkdir()
    served = Web(tmp_path / "www")
    yield served
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture
def device(tmp_path: Path, maker: evb.Maker, web: Web) -> Layout:
    """With release 1, of ring 30, and that channel."""
    layout = evb.blank(tmp_path / "device", maker.key)
    assert run(layout, "apply", maker.make(1), "--install") == 0
    (layout.etc / "update.conf").write_text(f"[update]\nchannel = {web.url}/channel.json\nring = 30\n")
    return layout


def offer(web: Web, maker: evb.Maker, sequence: int, percentage: int = 100, *, halt: bool = False) -> None:
    """As an operator would: the bundle into the folder, then the channel."""
    made = maker.make(sequence)
    (web.folder / made.name).write_bytes(made.read_bytes())
    publish(web.folder, percentage, maker.key, halt=halt, now=evb.CREATED)


def current(layout: Layout) -> str:
    return layout.current.readlink().name


def test_what_is_offered_is_fetched_and_kept(device: Layout, web: Web, maker: evb.Maker) -> None:
    offer(web, maker, 2)
    assert run(device, "pull") == 0
    assert current(device) == "0.2.0+2"
    assert list(device.downloads.iterdir()) == []
    web.asked.clear()
    assert run(device, "pull") == 0  # nothing newer
    assert web.asked == ["channel.json 0", "channel.json.minisig 0"]


def test_without_a_channel_nothing_is_asked(device: Layout, web: Web) -> None:
    (device.etc / "update.conf").write_text("[update]\nring = 3\n")
    assert run(device, "pull") == 0
    assert web.asked == []


def test_waves_and_halt(device: Layout, web: Web, maker: evb.Maker) -> None:
    for percentage, halt, expected in ((5, False, 1), (30, False, 1), (31, True, 1), (31, False, 2)):
        offer(web, maker, 2, percentage, halt=halt)
        assert run(device, "pull") == 0
        assert current(device) == f"0.{expected}.0+{expected}"


def test_a_device_that_was_off_catches_up(device: Layout, web: Web, maker: evb.Maker) -> None:
    for sequence, percentage in ((2, 100), (3, 100), (4, 20)):
        offer(web, maker, sequence, percentage)
    assert run(device, "pull") == 0
    assert current(device) == "0.3.0+3"  # the newest whose wave has come this far


def test_a_download_that_is_cut_off_goes_on(device: Layout, web: Web, maker: evb.Maker, capsys) -> None:
    offer(web, maker, 2)
    web.cut_after = 30_000
    assert run(device, "pull") == 1
    assert "gone on with next time" in capsys.readouterr().err
    web.cut_after = 0
    assert run(device, "pull") == 0
    assert web.asked[-1] == "edge-voice-0.2.0+2.evb 30000"
    assert current(device) == "0.2.0+2"


def test_a_server_without_ranges_is_read_from_the_beginning(device: Layout, web: Web, maker: evb.Maker) -> None:
    offer(web, maker, 2)
    web.cut_after = 30_000
    assert run(device, "pull") == 1
    web.cut_after, web.ranges = 0, False
    assert run(device, "pull") == 0
    assert current(device) == "0.2.0+2"


def test_a_half_copied_bundle_is_fetched_anew(device: Layout, web: Web, maker: evb.Maker, capsys) -> None:
    """Somebody's rsync has not ended: the file has its size, but not its content."""
    offer(web, maker, 2)
    there = web.folder / "edge-voice-0.2.0+2.evb"
    whole = there.read_bytes()
    there.write_bytes(whole[:20_000] + bytes(len(whole) - 20_000))
    assert run(device, "pull") == 1
    assert "not the file that the channel names" in capsys.readouterr().err
    there.write_bytes(whole + b"more")
    assert run(device, "pull") == 1  # larger than it should be
    there.write_bytes(whole)
    (device.downloads / "edge-voice-0.2.0+2.evb.partial").write_bytes(bytes(len(whole) + 1))
    assert run(device, "pull") == 0
    assert current(device) == "0.2.0+2"


def test_somebody_talks_and_the_download_is_kept(device: Layout, web: Web, maker: evb.Maker) -> None:
    offer(web, maker, 2)
    service = Played(device)
    service.busy_until = 1e6
    assert run(device, "pull", service=service) == 75
    web.asked.clear()
    assert run(device, "pull", "--now", service=service) == 0
    assert web.asked == ["channel.json 0", "channel.json.minisig 0"]
    assert current(device) == "0.2.0+2"


def test_what_has_failed_is_not_fetched_again(device: Layout, web: Web, maker: evb.Maker) -> None:
    made = maker.make(2, "crash")
    (web.folder / made.name).write_bytes(made.read_bytes())
    publish(web.folder, 100, maker.key, halt=False, now=evb.CREATED)
    assert run(device, "pull") == 1
    web.asked.clear()
    assert run(device, "pull") == 0
    assert not [one for one in web.asked if ".evb" in one]


@pytest.mark.parametrize(
    "case",
    [
        (lambda folder: (folder / "channel.json").unlink(), "cannot be fetched"),
        (lambda folder: (folder / "channel.json.minisig").unlink(), "cannot be fetched"),
        (lambda folder: (folder / "channel.json").write_bytes(b"{}"), "does not hold"),
        (lambda folder: (folder / "channel.json").write_bytes(bytes(300_000)), "larger than it may be"),
        (lambda folder: (folder / "edge-voice-0.2.0+2.evb").unlink(), "cut off"),
    ],
)
def test_servers_that_are_wrong(device: Layout, web: Web, maker: evb.Maker, capsys, case) -> None:
    change, words = case
    offer(web, maker, 2)
    change(web.folder)
    assert run(device, "pull") == 1
    assert words in capsys.readouterr().err
    assert current(device) == "0.1.0+1"


def test_nobody_is_there(device: Layout, web: Web, capsys) -> None:
    (device.etc / "update.conf").write_text("[update]\nchannel = http://127.0.0.1:1/channel.json\n")
    assert run(device, "pull") == 1
    assert "refused" in capsys.readouterr().err


def test_an_old_channel_file_is_not_believed(device: Layout, web: Web, maker: evb.Maker, capsys) -> None:
    """Whoever can only replay keeps a device from halting, or from an update, no longer than until it expires."""
    offer(web, maker, 2, 5)
    old = {name: (web.folder / name).read_bytes() for name in ("channel.json", "channel.json.minisig")}
    offer(web, maker, 2, 5, halt=True)
    assert run(device, "pull") == 0
    for name, data in old.items():
        (web.folder / name).write_bytes(data)
    assert run(device, "pull") == 1
    assert "an old one (number 1; 2 was seen)" in capsys.readouterr().err
    offer(web, maker, 2, 5)
    assert load_history(device).channel == 2


def test_an_expired_channel_and_one_of_another_class(device: Layout, web: Web, maker: evb.Maker, capsys) -> None:
    offer(web, maker, 2)
    assert run(device, "pull", service=Played(device, EPOCH + 90 * DAY)) == 1
    assert "channel file has expired" in capsys.readouterr().err
    said = json.loads((web.folder / "channel.json").read_text())
    data = json.dumps(said | {"class": "debug"}).encode()
    (web.folder / "channel.json").write_bytes(data)
    (web.folder / "channel.json.minisig").write_bytes(sign(data, maker.key, "test"))
    assert run(device, "pull") == 1
    assert "of class debug" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        {"releases": [{"version": "1", "sequence": 2, "file": "../x", "size": 1, "sha256": "0" * 64, "percentage": 1}]},
        {"releases": [{"version": "1", "sequence": 2, "file": "x", "size": 1, "sha256": "y", "percentage": 1}]},
        {"releases": 3}, {"number": "1"}, {"product": "other"}, {"format": 2}, {"expires": "never"},
    ],
)  # fmt: skip
def test_channels_that_are_signed_and_wrong(device: Layout, web: Web, maker: evb.Maker, change: dict) -> None:
    offer(web, maker, 2)
    data = json.dumps(json.loads((web.folder / "channel.json").read_text()) | change).encode()
    (web.folder / "channel.json").write_bytes(data)
    (web.folder / "channel.json.minisig").write_bytes(sign(data, maker.key, "test"))
    assert run(device, "pull") == 1
    assert current(device) == "0.1.0+1"


def test_a_wave_has_as_many_devices_as_it_says(web: Web, maker: evb.Maker) -> None:
    offer(web, maker, 2, 20)
    channel = parse((web.folder / "channel.json").read_bytes())
    got = [offered(channel, Asker("release", ring, 1, 0, evb.CREATED)) for ring in range(100)]
    assert sum(one is not None for one in got) == 20


def test_a_folder_without_bundles_is_no_channel(tmp_path: Path, maker: evb.Maker) -> None:
    with pytest.raises(BundleError, match="no bundle"):
        publish(tmp_path, 100, maker.key, halt=False)
