from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.config import Config, Engine, Mcp, Realtime
from edge.doctor import configuration
from edge.doctor.checks import State, fail
from edge.doctor.site import Site


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def site(config: Config | None, problems: list[str] | None = None) -> Site:
    return Site(config, problems or [], Path("/state"), Path("/run/c.sock"))


def test_every_mistake_is_a_failure() -> None:
    found = configuration.check(site(None, ["one", "two"]), None)
    assert found == [fail(one, "Mend it, then: edge-voice config check") for one in ("one", "two")]


def test_a_good_one_names_where_it_came_from(tmp_path: Path) -> None:
    config = replace(Config(), sources=(str(tmp_path / "c.toml"), "2 sections from the environment"))
    (found,) = configuration.check(site(config), None)
    assert (found.state, found.found) == (State.WELL, f"{tmp_path}/c.toml and 2 sections from the environment")


def test_a_model_that_ends_is_a_warning() -> None:
    config = replace(Config(), engine=Engine(("realtime",)), realtime=Realtime(model="gpt-realtime"))
    found = configuration.check(site(config), None)
    assert [one.state for one in found if "gpt-realtime" in one.found] == [State.WARN]


@pytest.mark.parametrize(("mode", "told"), [(0o600, False), (0o640, False), (0o644, True), (0o604, True)])
@pytest.mark.parametrize("name", ["openai_api_key", "mcp_weather", "keys.env"])
def test_secrets_that_everybody_may_read(tmp_path: Path, mode: int, name: str, *, told: bool) -> None:
    secret = tmp_path / name
    secret.write_text("a very secret key")
    secret.chmod(mode)
    config = replace(Config(), mcp={"weather": Mcp(url="https://example.com/mcp")})
    for env, file, store in (
        ({"CREDENTIALS_DIRECTORY": str(tmp_path)}, None, Path("/no")),
        ({}, tmp_path / "config.toml", Path("/no")),
        ({}, None, tmp_path),
    ):
        found = list(configuration.exposed(config, file, env, store))
        assert [one.todo for one in found] == ([f"chmod 600 {secret}"] if told else [])
        assert "very secret" not in str(found)


@pytest.mark.parametrize(("mode", "told"), [(0o644, False), (0o664, True), (0o666, True)])
def test_a_configuration_that_others_may_change(tmp_path: Path, mode: int, *, told: bool) -> None:
    file = tmp_path / "config.toml"
    file.touch()
    file.chmod(mode)
    assert bool(list(configuration.exposed(Config(), file, {}, Path("/no")))) is told
