"""apply, rollback, boot and health, on a folder: every file is real, systemd is played (rehearsal.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provision.updater.layout import Layout
from provision.updater.records import load_history, load_trial, save_trial
from tests.provision import evb
from tests.provision.rehearsal import EPOCH, Played, run

pytestmark = pytest.mark.skipif(bool(evb.missing()), reason=f"needs {evb.missing()}")


@pytest.fixture(scope="session")
def maker(tmp_path_factory: pytest.TempPathFactory) -> evb.Maker:
    folder = tmp_path_factory.mktemp("bundles")
    return evb.Maker(folder, evb.make_keys(folder))


@pytest.fixture
def device(tmp_path: Path, maker: evb.Maker) -> Layout:
    """With release 1, committed."""
    layout = evb.blank(tmp_path / "device", maker.key)
    assert run(layout, "apply", maker.make(1), "--install") == 0
    return layout


def status(layout: Layout, capsys) -> dict:
    capsys.readouterr()
    assert run(layout, "status", "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_blank_machine_is_set_up(device: Layout, capsys) -> None:
    assert device.current.readlink() == Path("releases/0.1.0+1")
    release = device.current.resolve()
    script = (release / "bin/edge-voice").read_text()
    assert script.startswith("#!/opt/edge-voice/releases/0.1.0+1/bin/python\n")
    assert "from edge.cli import main" in script
    assert (release / "bin/helper").read_text().startswith("#!/opt/edge-voice/releases/0.1.0+1/bin/python\n")
    assert (release / "share/note.txt").read_text() == "data\n"
    unit = device.root / "etc/systemd/system/edge-voice.service"
    assert str(unit.readlink()) == "/opt/edge-voice/current/units/edge-voice.service"
    assert (device.updater / "edge-voice-update").stat().st_mode & 0o111
    assert status(device, capsys) == {
        "version": "0.1.0", "sequence": 1, "state": "committed", "previous": "", "ring": 28, "refused": [],
        "updater": 1,
        "last": {"version": "0.1.0", "sequence": 1, "result": "good", "reason": "", "at": EPOCH},
    }  # fmt: skip


def test_a_drop_in_for_a_newer_systemd_is_left_out(device: Layout) -> None:
    assert not (device.root / "etc/systemd/system/edge-voice.service.d/254.conf").is_symlink()


def test_without_install_a_blank_machine_is_left_alone(tmp_path: Path, maker: evb.Maker, capsys) -> None:
    layout = evb.blank(tmp_path / "device", maker.key)
    assert run(layout, "apply", maker.make(1)) == 1
    assert "--install" in capsys.readouterr().err
    assert not layout.releases.exists()


def test_the_same_bundle_again_changes_nothing(device: Layout, maker: evb.Maker, capsys) -> None:
    before = evb.contents(device.root)
    service = Played(device)
    assert run(device, "apply", maker.folder / "edge-voice-0.1.0+1.evb", service=service) == 0
    assert "installed already" in capsys.readouterr().out
    assert evb.contents(device.root) == before
    assert "restart" not in service.calls


def test_a_good_release_is_kept(device: Layout, maker: evb.Maker, capsys) -> None:
    service = Played(device)
    assert run(device, "apply", maker.make(2), service=service) == 0
    said = status(device, capsys)
    assert (said["version"], said["state"], said["previous"]) == ("0.2.0", "committed", "0.1.0+1")
    assert service.calls.count("restart") == 1
    assert service.elapsed >= 180  # it was watched


@pytest.mark.parametrize(
    "case",
    [
        ("crash", "ended by itself", 3),
        ("never", "not ready within 25 s", 32),
        ("dies", "ended by itself", 65),
        ("deaf", "no turn could be held", 35),
        ("mute", "self-test turn failed", 5),
        ("alone", "relay did not come back", 215),
    ],
)
def test_a_bad_release_is_gone_back_from(
    device: Layout, maker: evb.Maker, capsys, case: tuple[str, str, float]
) -> None:
    behaviour, reason, within = case
    service = Played(device)
    bundle = maker.make(2, behaviour)
    assert run(device, "apply", bundle, service=service) == 1
    assert reason in capsys.readouterr().err
    assert (device.current.readlink(), device.previous.is_symlink()) == (Path("releases/0.1.0+1"), False)
    assert service.running == "good"
    assert service.elapsed < within
    assert load_trial(device) is None
    assert run(device, "apply", bundle) == 1
    assert "not tried again" in capsys.readouterr().err


def test_only_what_worked_before_is_asked_for(tmp_path: Path, maker: evb.Maker) -> None:
    """Deaf already, without a relay, its self-test failing: all that is no reason to stay on an old release."""
    for number, behaviour in enumerate(("deaf", "norelay", "mute")):
        layout = evb.blank(tmp_path / f"device{number}", maker.key)
        assert run(layout, "apply", maker.make(1, behaviour), "--install") == 0
        assert run(layout, "apply", maker.make(2, behaviour)) == 0


def test_a_service_that_its_owner_has_stopped_stays_stopped(device: Layout, maker: evb.Maker) -> None:
    service = Played(device, active="inactive")
    assert run(device, "apply", maker.make(2), service=service) == 0
    assert "restart" not in service.calls
    assert device.current.readlink() == Path("releases/0.2.0+2")


@pytest.mark.parametrize(("behaviour", "reason"), [("picky", "volume: not a number"), ("forgetful", "lacks models")])
def test_what_does_not_suit_the_device_is_not_switched_to(
    device: Layout, maker: evb.Maker, capsys, behaviour: str, reason: str
) -> None:
    service = Played(device)
    assert run(device, "apply", maker.make(2, behaviour), service=service) == 1
    assert reason in capsys.readouterr().err
    assert "restart" not in service.calls
    assert not device.release("0.2.0+2").exists()
    assert load_history(device).refused == ()  # another configuration may suit it


def test_it_waits_while_somebody_is_talking(device: Layout, maker: evb.Maker) -> None:
    service = Played(device)
    service.busy_until = 100
    assert run(device, "apply", maker.make(2), service=service) == 0
    assert service.started >= 100


def test_it_does_not_wait_for_ever_nor_with_now(device: Layout, maker: evb.Maker, capsys) -> None:
    bundle, service = maker.make(2), Played(device)
    service.busy_until = 1e6
    assert run(device, "apply", bundle, service=service) == 75
    assert "talking" in capsys.readouterr().err
    assert device.current.readlink() == Path("releases/0.1.0+1")
    assert run(device, "apply", bundle, "--now", service=service) == 0


def test_three_releases_are_kept(device: Layout, maker: evb.Maker) -> None:
    for sequence in (2, 3, 4, 5):
        assert run(device, "apply", maker.make(sequence)) == 0
    assert sorted(path.name for path in device.releases.iterdir()) == ["0.3.0+3", "0.4.0+4", "0.5.0+5"]


def test_rolling_back_by_hand(device: Layout, maker: evb.Maker, capsys) -> None:
    assert run(device, "rollback") == 1  # there is nothing yet
    assert run(device, "apply", maker.make(2)) == 0
    service = Played(device)
    assert run(device, "rollback", service=service) == 0
    assert "0.1.0+1 runs again" in capsys.readouterr().out
    assert service.calls.count("restart") == 1
    assert device.current.readlink() == Path("releases/0.1.0+1")
    assert load_history(device).refused == (2,)


def on_trial(device: Layout, maker: evb.Maker, behaviour: str = "good") -> None:
    """As after a power cut just after the switch."""

    class Cut(BaseException):
        pass

    class Service(Played):
        def restart(self) -> None:
            raise Cut

    with pytest.raises(Cut):
        run(device, "apply", maker.make(2, behaviour), service=Service(device))
    assert load_trial(device) is not None


def test_a_trial_outlives_one_boot_and_not_two(device: Layout, maker: evb.Maker, capsys) -> None:
    on_trial(device, maker)
    service = Played(device)
    assert run(device, "boot", service=service) == 0
    assert (status(device, capsys)["state"], service.running) == ("trial", "good")
    assert run(device, "boot", service=service) == 0
    assert "restart" not in service.calls  # the service comes after it
    said = status(device, capsys)
    assert (said["version"], said["state"], said["refused"]) == ("0.1.0", "committed", [2])


@pytest.mark.parametrize("case", [("good", 0, "0.2.0"), ("crash", 1, "0.1.0")])
def test_health_sees_a_trial_through_after_a_boot(
    device: Layout, maker: evb.Maker, capsys, case: tuple[str, int, str]
) -> None:
    behaviour, code, version = case
    on_trial(device, maker, behaviour)
    assert run(device, "boot") == 0
    assert run(device, "health", service=Played(device)) == code
    said = status(device, capsys)
    assert (said["version"], said["state"]) == (version, "committed")


def test_a_trial_that_had_not_begun_is_forgotten(device: Layout, maker: evb.Maker) -> None:
    on_trial(device, maker)
    trial = load_trial(device)
    assert trial is not None
    device.current.unlink()
    device.current.symlink_to("releases/0.1.0+1")
    save_trial(device, trial)
    assert run(device, "boot") == 0
    assert load_trial(device) is None
    assert not device.previous.is_symlink()


def test_units_of_another_release_go_with_it(device: Layout, maker: evb.Maker) -> None:
    sources = maker.sources(2, "dies")
    link = device.root / "etc/systemd/system/edge-voice-extra.timer"
    (sources / "units/edge-voice-extra.timer").write_text("[Timer]\nOnBootSec=1\n[Install]\nWantedBy=timers.target\n")
    seen = []

    class Service(Played):
        def restart(self) -> None:
            seen.append(link.is_symlink())
            super().restart()

    service = Service(device)
    assert run(device, "apply", maker.pack(sources, 2), service=service) == 1
    assert seen == [True, False]
    assert not link.is_symlink()
    assert "--quiet enable edge-voice-extra.timer" in service.calls


def test_a_newer_updater_comes_with_a_release_that_is_kept(device: Layout, maker: evb.Maker) -> None:
    for sequence, behaviour, expected in ((2, "crash", b"VERSION = 1"), (3, "good", b"VERSION = 2")):
        sources = maker.sources(sequence, behaviour)
        init = sources / "updater/__init__.py"
        init.write_text(init.read_text().replace("VERSION = 1", "VERSION = 2"))
        run(device, "apply", maker.pack(sources, sequence, updater=2))
        assert expected in (device.updater / "__init__.py").read_bytes()


def test_an_updater_that_does_not_run_is_left_aside(device: Layout, maker: evb.Maker, capsys) -> None:
    sources = maker.sources(2, "good")
    (sources / "updater/__init__.py").write_text("VERSION = 2\nimport nothing_of_the_kind\n")
    assert run(device, "apply", maker.pack(sources, 2)) == 0
    assert "does not run" in capsys.readouterr().out
    assert b"VERSION = 1" in (device.updater / "__init__.py").read_bytes()


def test_one_at_a_time(device: Layout, maker: evb.Maker, capsys) -> None:
    class Service(Played):
        def restart(self) -> None:
            assert run(device, "rollback") == 75
            super().restart()

    assert run(device, "apply", maker.make(2), service=Service(device)) == 0
    assert "under way" in capsys.readouterr().err


def test_mistakes_in_the_command_line_and_in_update_conf(device: Layout, capsys) -> None:
    assert run(device, "aply") == 2
    (device.etc / "update.conf").write_text("[update]\nchanel = https://example.org/channel.json\n")
    assert run(device, "status") == 2
    assert "no key chanel" in capsys.readouterr().err
