"""`edge-voice relay` without serving: its options, its database, and what it says when something is wrong."""

from __future__ import annotations

import argparse
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge.cli import main
from edge.config import Config
from edge.relay.command import LACKS, NAME, Surroundings, database, relay
from edge.relay.store.database import Store
from tests.relay.rig import Silent, configured


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "state"


def test_a_link_for_the_owner(capsys: pytest.CaptureFixture[str], state: Path) -> None:
    assert main(["relay", "setup-link"]) == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:8080/#setup=[\w-]{32}\n", capsys.readouterr().out)
    assert (state / NAME).exists()


def test_the_link_leads_to_the_public_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[server]\npublic_url = "https://voice.example"\n')
    assert main(["relay", "setup-link", "--config", str(tmp_path / "c.toml")]) == 0
    assert capsys.readouterr().out.startswith("https://voice.example/#setup=")


def test_a_token_for_a_program(capsys: pytest.CaptureFixture[str], state: Path) -> None:
    assert main(["relay", "token", "prometheus"]) == 0
    assert re.fullmatch(r"evc_[\w-]{43}\n", capsys.readouterr().out)
    with closing(sqlite3.connect(state / NAME)) as db:
        assert db.execute("SELECT kind, name FROM tokens").fetchall() == [("client", "prometheus")]


def test_a_copy(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["relay", "backup", str(tmp_path / "copy")]) == 1
    assert "There is no database" in capsys.readouterr().err
    main(["relay", "token", "x"])
    assert main(["relay", "backup", str(tmp_path / "copy")]) == 0
    Store(tmp_path / "copy").close()


def test_who_has_spent_what(capsys: pytest.CaptureFixture[str], state: Path) -> None:
    assert main(["relay", "usage"]) == 1
    assert "There is no database" in capsys.readouterr().err
    main(["relay", "token", "robot"])
    store = Store(state / NAME)

    def write(db: sqlite3.Connection) -> None:
        robot = db.execute("SELECT holder FROM tokens").fetchone()[0]
        db.execute("INSERT INTO people (id, name, created) VALUES ('p', 'Ann', 1)")
        db.execute("INSERT INTO devices (id, name, public_key, created) VALUES ('d', 'Kitchen\x1b[31m', x'00', 1)")
        for who, device, ago, cost in (("p", "", 0, 0.5), ("p", "", 1, 0.25), ("d", "d", 0, 2.0), (robot, "", 0, 0.0),
                                       ("gone", "", 40, 9.0)):  # fmt: skip
            db.execute("INSERT INTO usage VALUES (date('now', 'localtime', ?), ?, ?, 'gpt', 90, 1000, ?)",
                       (f"-{ago} days", who, device, cost))  # fmt: skip

    store.do(write)
    store.close()
    capsys.readouterr()
    assert main(["relay", "usage"]) == 0
    head, *rows, total = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "kind", "days", "minutes", "tokens", "USD"]
    assert [row.split() for row in rows] == [
        ["Kitchen", "[31m", "device", "1", "1.5", "1000", "2.0000"], ["Ann", "person", "2", "3.0", "2000", "0.7500"],
        ["robot", "program", "1", "1.5", "1000", "0.0000"],
    ]  # fmt: skip
    assert total.split() == ["all,", "in", "31", "days", "6.0", "4000", "2.7500"]
    assert main(["relay", "usage", "60"]) == 0
    assert "gone" in capsys.readouterr().out
    assert main(["relay", "usage", "1"]) == 0
    assert "Ann                          person       1" in capsys.readouterr().out
    for wrong in ("0", "x", "4000", "-1"):
        assert main(["relay", "usage", wrong]) == 2
    capsys.readouterr()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["backup"], "needs a name"),
        (["token"], "needs a name"),
        (["serve", "x"], "does not know 'x'"),
        (["--listen", "nonsense"], "--listen = 'nonsense' is no address"),
        (["--listen", "0.0.0.0:80"], "--listen takes every address"),
        (["nonsense"], "invalid choice"),
    ],
)
def test_a_command_that_cannot_be(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["relay", *words]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_a_database_that_cannot_be_used_is_told(capsys: pytest.CaptureFixture[str], state: Path) -> None:
    state.mkdir()
    (state / NAME).write_bytes(b"nonsense" * 1000)
    assert main(["relay", "token", "x"]) == 1
    said = capsys.readouterr().err
    assert "cannot be used" in said
    assert said.count("\n") == 1


def test_where_the_database_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = tmp_path / "service"
    home = {"HOME": str(tmp_path)}
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert database(Config(), {"STATE_DIRECTORY": "/a:/b"}) == Path("/a") / NAME
    assert database(Config(), home, service) == tmp_path / ".local/state/edge-voice/relay" / NAME
    assert database(Config(), {"XDG_STATE_HOME": "/x"}, service) == Path("/x/edge-voice/relay") / NAME
    assert database(configured(database="/srv/a.sqlite"), home) == Path("/srv/a.sqlite")
    service.mkdir()
    (service / NAME).touch()
    assert database(Config(), home, service) != service / NAME  # somebody who may not read it
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert database(Config(), home, service) == service / NAME


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def lacks(*_: object) -> int:
        raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")

    monkeypatch.setattr("edge.relay.command._serve", lacks)
    assert main(["relay"]) == 1
    assert LACKS in capsys.readouterr().err


def test_a_fault_of_ours_is_not_taken_for_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(*_: object) -> int:
        raise ModuleNotFoundError("No module named 'edge.nothing'", name="edge.nothing")

    monkeypatch.setattr("edge.relay.command._serve", lacks)
    given = argparse.Namespace(config=None, listen=None, what="serve", name=None, worker=None)

    def manager(_: Callable[[], str]) -> Silent:
        return Silent()

    with pytest.raises(ModuleNotFoundError):
        relay(given, Surroundings(manager, lambda _: None))


def test_other_commands_do_not_load_it() -> None:
    code = (
        "import sys; from edge.cli import main; main(['config', 'check']); "
        "heavy = ('uvicorn', 'starlette', 'sqlite3', 'webauthn', 'edge.relay.command'); "
        "print([one for one in sys.modules if one in heavy])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"
