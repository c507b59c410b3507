"""A device that answers offline, installed from a bundle with its models: the self-test turn decides about updates."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machines.blank import Blank
from tests.machines.bundles import Bundles
from tests.machines.device import UNIT, measured
from tests.machines.machine import Machine
from tests.machines.models import MODELS
from tests.machines.sound import asound, is_loud
from tests.provision import evb
from tests.rig import Rig

HEARING = "whisper-base"
QUESTION = Path(__file__).parents[1] / "data/speech/goforward.flac"
LACKS = evb.missing() or ("" if (MODELS / HEARING).is_dir() else "the offline models: edge-voice models fetch")
pytestmark = [pytest.mark.nspawn, pytest.mark.long, pytest.mark.skipif(bool(LACKS), reason=f"needs {LACKS}")]


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory, rig: Rig) -> Iterator[Blank]:
    folder, models = tmp_path_factory.mktemp("offline"), tmp_path_factory.mktemp("models")
    (models / HEARING).symlink_to(MODELS / HEARING)
    machine = Machine(folder, {"/run/fakeaudio": rig.run})
    machine.name += "-offline"
    with machine:
        machine.write("/etc/asound.conf", asound(rig))
        device = Blank(machine, rig, Bundles(tmp_path_factory.mktemp("bundles"), "local"))
        device.configure('[local]\nllm = "off"\n[conversation]\nfollow_up_s = 0\n')
        machine.shell("""sed -i 's/"none"/"local"/' /etc/edge-voice/config.toml""")
        took = device.install_bundle("--models", models)
        measured.append(("blank machine -> ready with the offline engine, from a bundle", took))
        device.settings(0.05)
        yield device


def test_it_answers_a_spoken_question_without_any_network(offline: Blank) -> None:
    machine = offline.machine
    assert [line.split(":")[1].strip() for line in machine.run("ip", "-o", "link").splitlines()] == ["lo"]
    machine.until(lambda: offline.status()["ready"], 60, "ready")
    recorder = offline.rig.record()
    machine.run("edge-voice", "hold")
    offline.rig.speak(QUESTION)
    begin = time.monotonic()
    machine.run("edge-voice", "release")
    machine.until(lambda: is_loud(recorder.between(begin, time.monotonic())), 60, "an answer")
    measured.append(("offline engine from a bundle: question's end -> sound", time.monotonic() - begin))
    machine.until(lambda: offline.status()["state"] == "idle", 60, "at rest")
    said = offline.status()
    assert said["engine"]["engine"] == "local"
    assert said["last_turn"]["latency_ms"]["first_sound"] > 0  # what was loud was an answer, and no signal


def test_a_release_is_kept_after_it_has_held_a_turn(offline: Blank) -> None:
    done = offline.apply(offline.take("good"))
    assert done.returncode == 0, done.stderr + offline.machine.journal()
    assert offline.update_status()["sequence"] == offline.number
    assert offline.status()["last_turn"], "this daemon has been asked nothing but by the self-test"


def test_one_that_cannot_hold_a_turn_is_gone_back_from(offline: Blank) -> None:
    before = offline.update_status()["sequence"]
    done = offline.apply(offline.take("dumb"))
    assert (done.returncode, "The self-test turn failed." in done.stderr) == (1, True), done.stderr
    offline.machine.until(lambda: offline.state == "active", 60, "back")
    after = offline.update_status()
    assert (after["sequence"], after["state"]) == (before, "committed")
    assert offline.machine.run("edge-voice", "selftest").startswith("A turn was held: local answered")
    assert offline.machine.property("NRestarts", UNIT) == "0"
