from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.agents.local.models import Model, load_manifest
from edge.agents.local.models.catalogue import File, write_stamps
from edge.config import Config, Device, Engine, Local, Mcp, Realtime
from edge.config.chain import Chained, Llm
from edge.doctor import engine
from edge.doctor.checks import Result, State
from edge.doctor.site import BAD_CONFIG, Asked, Presence, Site

ALL = load_manifest()
EARS = next(model for model in ALL if model.required)
MIND = next(model for model in ALL if not model.required)


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


def site(config: Config | None = None, status: dict | None = None) -> Site:
    asked = Asked(Presence.RUNS, status) if status else Asked(Presence.ABSENT)
    return Site(config or Config(), [], Path("/state"), Path("/run/c.sock"), asked)


def only(results: list[Result]) -> Result:
    (one,) = results
    return one


def chosen(*use: str, key: str = "", url: str = "", monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    return only(list(engine.check(site(replace(Config(), engine=Engine(use), realtime=Realtime(url=url))))))


def test_which_and_why_and_the_key_by_its_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as m:
        m.setattr("edge.engines._offline", lambda _config: False)
        assert chosen(monkeypatch=m).found == "local, since no key is seen from here."
        told = chosen(key="sk-very-secret", monkeypatch=m)
        assert told.found == "realtime, by what is here. Keys seen from here: openai_api_key."
        assert "very" not in str(told)
        told = chosen("local", "realtime", key="k", monkeypatch=m)
        assert told.found == "local, then realtime, as engine.use says. Keys seen from here: openai_api_key."


def test_every_secret_that_is_there_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(Config(), llm={"box": Llm(kind="chat", url="http://box/v1")}, mcp={"weather": Mcp()})
    assert engine.secret_names(config)[0] == "openai_api_key"
    assert {"deepgram_api_key", "box_api_key", "mcp_weather"} <= set(engine.secret_names(config))
    assert len(set(engine.secret_names(config))) == len(engine.secret_names(config))


def test_realtime_without_a_key_fails_unless_its_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    told = chosen("realtime", monkeypatch=monkeypatch)
    assert (told.state, told.found) == (State.FAIL, "engine.use names realtime, but there is no key.")
    assert told.todo.startswith("Set OPENAI_API_KEY or the credential openai_api_key. (A credential")
    assert chosen("realtime", url="ws://127.0.0.1/v1/realtime", monkeypatch=monkeypatch).state is State.WELL


def test_a_chain_in_which_a_service_has_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(Config(), engine=Engine(("chained",)), chained=Chained(stt=("deepgram",), llm=("openai",),
                                                                          tts=("openai",)))  # fmt: skip
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    told = only(list(engine.check(site(config))))
    assert told.found == "chained.stt names deepgram, but there is no key."
    assert told.todo.startswith("Set DEEPGRAM_API_KEY or the credential deepgram_api_key.")
    monkeypatch.setenv("DEEPGRAM_API_KEY", "k")
    assert only(list(engine.check(site(config)))).state is State.WELL


def test_an_engine_that_answers_nothing_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen("none", monkeypatch=monkeypatch).state is State.WARN
    assert only(list(engine.check(site(status={"engine": {"engine": "none"}})))).state is State.WARN


def test_a_running_daemon_knows_better(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have a credential that this shell has not."""
    told = only(list(engine.check(site(status={"engine": {"engine": "realtime"}}))))
    assert told.found == "The daemon uses realtime. No keys are seen from here."


def test_a_credential_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "openai_api_key").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert only(list(engine.check(site()))).state is State.FAIL


# --- models --------------------------------------------------------------------------------------------


def wanting(ears: str, mind: str) -> list[tuple[State, str]]:
    states: dict[Model, str] = {EARS: ears, MIND: mind}
    return [(one.state, one.todo) for one in engine.judged(states, Path("/models"))]


def test_what_is_missing_fails_only_if_it_is_needed() -> None:
    fetch = "edge-voice models fetch "
    assert wanting("ok", "ok") == [(State.WELL, "")]
    assert wanting("missing", "ok") == [(State.WELL, ""), (State.FAIL, fetch + EARS.id)]
    assert wanting("ok", "partial") == [(State.WELL, ""), (State.WARN, fetch + MIND.id)]
    assert wanting("damaged", "damaged") == [(State.FAIL, fetch + EARS.id), (State.WARN, fetch + MIND.id)]


def test_behind_another_engine_they_are_a_warning() -> None:
    (one,) = engine.judged({EARS: "missing"}, Path("/models"), first=False)
    assert one.state is State.WARN


def test_the_services_models_are_fetched_to_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/edge-voice")
    _, (_, todo) = wanting("ok", "missing")
    assert todo == f"sudo STATE_DIRECTORY=/var/lib/edge-voice edge-voice models fetch {MIND.id}"


def test_packages_that_are_missing() -> None:
    assert engine.packages() == []
    told = only(engine.packages(lambda name: None if name == "hibari" else object()))
    assert told.state is State.FAIL
    assert "(hibari missing)" in told.found


def test_an_empty_folder_fails_for_the_offline_engine_alone(tmp_path: Path) -> None:
    config = replace(Config(), local=Local(models_dir=str(tmp_path)))
    states = [one.state for one in engine.check_models(site(config))]
    assert State.FAIL in states
    config = replace(config, engine=Engine(("realtime",)))
    assert [one.state for one in engine.check_models(site(config))] == [State.SKIPPED]


def test_thorough_finds_what_a_glance_does_not(tmp_path: Path) -> None:
    """The right size and a stamp, and other bytes."""
    model = Model("small", "test", "MIT", "here", required=True, files=(File("a.bin", 4, "0" * 64),))
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"evil")
    write_stamps(folder, list(model.files))
    assert engine._state(model, tmp_path, thorough=False) == "ok"
    assert engine._state(model, tmp_path, thorough=True) == "damaged"


@pytest.mark.parametrize("check", [engine.check, engine.check_models])
def test_a_bad_configuration_is_not_guessed_at(check) -> None:
    assert check(Site(None, ["bad"], Path("/state"), Path("/run/c.sock"))) == [BAD_CONFIG]


def test_a_language_that_the_offline_engine_lacks_is_told() -> None:
    german = replace(Config(), device=Device(language="de"))
    told = only(list(engine.language(german, ["realtime", "local"])))
    assert told.state is State.WARN
    assert "English only" in told.found
    assert "nur Englisch" in told.found
    assert engine.language(german, ["realtime"]) == engine.language(Config(), ["local"]) == []
