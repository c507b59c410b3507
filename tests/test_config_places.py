"""Where what outlives a restart is kept: by the service, by its owner's shell, and on a desktop."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.places import daemon_state, given_dir, models_home, state_dir, volatile_dir

UNIT = {"STATE_DIRECTORY": "/var/lib/other:/var/lib/more", "HOME": "/var/lib/other", "XDG_STATE_HOME": "/x"}
SHELL = {"HOME": "/home/pi"}


def test_the_service_has_what_systemd_gives_it() -> None:
    """The first one, where its unit names several."""
    assert given_dir(UNIT) == state_dir(UNIT) == daemon_state(UNIT) == Path("/var/lib/other")
    assert models_home(UNIT) == Path("/var/lib/other/models")
    assert given_dir(SHELL) is None


def test_somebody_else_has_their_own() -> None:
    assert state_dir(SHELL) == Path("/home/pi/.local/state/edge-voice")
    assert state_dir({**SHELL, "XDG_STATE_HOME": "/srv"}) == Path("/srv/edge-voice")
    assert state_dir({}) == Path.home() / ".local/state/edge-voice"


@pytest.mark.parametrize(
    ("env", "place"), [(SHELL, "service"), ({**SHELL, "XDG_STATE_HOME": "/srv"}, "/srv/edge-voice")]
)
def test_the_daemons_is_the_services_where_that_is_installed(tmp_path: Path, env: dict[str, str], place: str) -> None:
    """The owner's shell has other directories than the service."""
    service = tmp_path / "service"
    service.mkdir()
    assert daemon_state(env, service) == (service if place == "service" else Path(place))
    assert daemon_state(env, tmp_path / "none") == state_dir(env)


def test_models_are_the_services_where_that_is_installed(tmp_path: Path) -> None:
    own, data = Path("/home/pi/.local/share/edge-voice/models"), {**SHELL, "XDG_DATA_HOME": "/data"}
    assert models_home(SHELL, tmp_path) == own
    (tmp_path / "models").mkdir()
    assert models_home(SHELL, tmp_path) == tmp_path / "models"
    assert models_home(data, tmp_path) == Path("/data/edge-voice/models")


def test_only_a_service_has_a_place_in_memory() -> None:
    assert volatile_dir({}) is None
    assert volatile_dir({"RUNTIME_DIRECTORY": "/run/edge-voice:/run/other"}) == Path("/run/edge-voice")
