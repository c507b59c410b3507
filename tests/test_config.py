"""The configuration: where values come from, and that every mistake is told at once and in words."""

from __future__ import annotations

import os
import tomllib
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.config import Audio, Budget, Config, Device, Engine, default_path, load, secret, show
from edge.errors import EX_CONFIG, ConfigError

Env = dict[str, str]


def from_text(tmp_path: Path, text: str | bytes, env: Env | None = None) -> Config:
    file = tmp_path / "config.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(file, env or {})


def problems(tmp_path: Path, text: str | bytes, env: Env | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        from_text(tmp_path, text, env)
    assert caught.value.exit_code == EX_CONFIG
    return caught.value.problems


def plain(config: Config) -> Config:
    return replace(config, sources=())


# --- where values come from ----------------------------------------------------------------------------


def test_nothing_given_is_the_defaults() -> None:
    assert load(None, {}) == Config()


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    config = from_text(tmp_path, '[audio]\nvolume = 40\ninput = "USB"\n[conversation]\nno_speech_s = 5\n')
    assert config.audio == replace(Audio(), volume=40, input="USB")
    assert config.conversation.no_speech_s == 5.0
    assert isinstance(config.conversation.no_speech_s, float)
    assert config.sources == (str(tmp_path / "config.toml"),)


def test_the_environment_wins(tmp_path: Path) -> None:
    env = {"AUDIO__VOLUME": "70", "LOG__TRANSCRIPTS": "yes", "ENGINE__USE": "local, none"}
    env = {f"EDGE_VOICE_{name}": value for name, value in env.items()}
    config = from_text(tmp_path, "[audio]\nvolume = 40\npreroll_ms = 100\n", env)
    assert (config.audio.volume, config.audio.preroll_ms) == (70, 100)
    assert config.log.transcripts is True
    assert config.engine.use == ("local", "none")


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("ON", True), (" true ", True), ("no", False), ("False", False)]
)
def test_switches_in_the_environment(text: str, value: bool) -> None:
    assert load(None, {"EDGE_VOICE_LOG__TRANSCRIPTS": text}).log.transcripts is value


def test_other_variables_of_the_same_name_are_not_keys() -> None:
    assert load(None, {"EDGE_VOICE_SOCKET": "/run/x", "EDGE_VOICE": "1", "PATH": "/bin"}) == Config()


def test_a_voice_need_not_be_one_of_the_vendors(tmp_path: Path) -> None:
    """Servers with the same protocol have others."""
    assert from_text(tmp_path, '[realtime]\nvoice = "af_heart"').realtime.voice == "af_heart"


def test_what_goes_together_is_taken(tmp_path: Path) -> None:
    text = """
        [conversation]
        greeting = "Ready."
        [realtime]
        url = "ws://127.0.0.1:8000/v1/realtime?model=own"
        turns = "server"
        threshold = 1
        keywords = "Wohnzimmer"
        retention = 0.8
        max_context_tokens = 8000
        [budget]
        daily = 2
        currency = "EUR"
    """
    config = from_text(tmp_path, text, {"EDGE_VOICE_REALTIME__KEYWORDS": "Küche, living room"})
    assert config.conversation.greeting == "Ready."
    assert config.budget == Budget(2.0, "EUR")
    assert config.realtime == replace(
        Config().realtime, url="ws://127.0.0.1:8000/v1/realtime?model=own", turns="server", threshold=1.0,
        keywords=("Küche", "living room"), retention=0.8, max_context_tokens=8000,
    )  # fmt: skip


def test_a_single_engine_may_be_written_without_a_list(tmp_path: Path) -> None:
    assert from_text(tmp_path, '[engine]\nuse = "local"').engine == Engine(("local",))


def test_the_users_file_comes_before_the_systems(tmp_path: Path) -> None:
    mine = tmp_path / "edge-voice/config.toml"
    assert default_path({"XDG_CONFIG_HOME": str(tmp_path)}) != mine
    mine.parent.mkdir()
    mine.write_text("[audio]\nvolume = 3\n")
    assert default_path({"XDG_CONFIG_HOME": str(tmp_path)}) == mine
    assert load(None, {"XDG_CONFIG_HOME": str(tmp_path)}).audio.volume == 3


def test_a_home_that_may_not_be_looked_into_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service whose HOME belongs to somebody else."""

    def refuse(self: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    assert default_path({"HOME": "/root"}) is None


# --- mistakes ------------------------------------------------------------------------------------------


def test_every_mistake_is_told_at_once_with_the_nearest_right_name(tmp_path: Path) -> None:
    text = """
        [audoi]
        volume = 1
        [audio]
        volum = 50
        channel = 99
        input = 3
        [conversation]
        barge_in = "ducks"
        no_speech_s = "long"
        [engine]
        use = ["lokal"]
        [log]
        transcripts = 1
    """
    told = problems(tmp_path, text, {"EDGE_VOICE_AUDIO__PREROLL_MS": "soon", "EDGE_VOICE_PANEL__HOLDMS": "5"})
    file = str(tmp_path / "config.toml")
    expected = [
        f"{file}: there is no section [audoi]. Did you mean audio?",
        f"{file}: [audio] has no key volum. Did you mean volume?",
        f"{file}: audio.channel = 99 must be between 0 and 64.",
        f"{file}: audio.input = 3 must be a text.",
        f"{file}: conversation.barge_in = 'ducks' must be one of duck, stop, button, off.",
        f"{file}: conversation.no_speech_s = 'long' must be a number.",
        f"{file}: log.transcripts = 1 must be true or false.",
        "EDGE_VOICE_AUDIO__PREROLL_MS: 'soon' is not a whole number.",
        "the environment: [panel] has no key holdms. Did you mean hold_ms?",
        "engine.use: there is no engine 'lokal'. Did you mean local?",
    ]
    assert told == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[audio]\nvolume = true", "audio.volume = True must be a whole number"),
        ("[audio]\nvolume = 50.5", "must be a whole number"),
        ("[audio]\nvolume = 101", "must be between 0 and 100"),
        ("[conversation]\nno_speech_s = nan", "must be between 1 and 120"),
        ("[conversation]\nno_speech_s = inf", "must be between 1 and 120"),
        ("[engine]\nuse = [1]", "must be a list of texts"),
        ("audio = 5", "audio must be a section: [audio]"),
        ("sources = 5", "there is no section [sources]"),
        ("[[audio]]\nvolume = 5", "audio must be a section"),
        ("[conversation]\neager_silence_ms = 900", "eager_silence_ms must be less than conversation.end_silence_ms"),
        ("[audio]\ninput = 2020-01-01", "must be a text"),
        ("[zzz]\nx = 1", "There are: device, audio"),
        ("volume = ", "is not TOML"),
        ("[audio]\nvolume = 1\nvolume = 2", "is not TOML"),
        (b"\xff\xfe[audio]", "is not UTF-8 text (byte 0)"),
        ("[audio]\nvolume = " + "9" * 5000, "is not TOML"),
        ("[audio]\nvolume = 0x" + "f" * 5000, "must be between 0 and 100"),
        ("[conversation]\nno_speech_s = 1" + "0" * 400, "must be between 1 and 120"),
        ("x = " + "[" * 5000, "is not TOML"),
        ('[realtime]\nurl = "https://relay.example/v1/realtime"', "is no address; one looks like wss://"),
        ('[realtime]\nurl = "wss://["', "is no address; one looks like wss://"),
        ('[realtime]\nurl = "wss:///v1/realtime"', "is no address; one looks like wss://"),
        ("[realtime]\nmax_context_tokens = 8000", "max_context_tokens needs realtime.retention"),
        ('[realtime]\nturns = "servr"', "must be one of device, server, semantic"),
        ('[realtime]\neagerness = "eager"', "must be one of auto, low, medium, high"),
        ('[realtime]\nconnection = "hot"', "must be one of warm, cold"),
        ("[realtime]\nsilence_ms = 99", "must be between 100 and 5000"),
        ("[realtime]\nthreshold = 1.01", "must be between 0 and 1"),
        ("[realtime]\nmax_output_tokens = 4097", "must be between 0 and 4096"),
        ("[realtime]\nretention = -0.1", "must be between 0 and 1"),
        ("[realtime]\nidle_s = 4", "must be between 5 and 3600"),
        ("[realtime]\nkeywords = [1]", "must be a list of texts"),
        ("[budget]\ndaily = 10001", "must be between 0 and 10000"),
        ("[budget]\ndaily = 2.0\nwarn = 2.0", "budget.warn must be less than budget.daily"),
        ("[budget]\ncurrency = 5", "must be a text"),
        ("[conversation]\ngreeting = true", "must be a text"),
    ],
)
def test_a_mistake_in_the_file(tmp_path: Path, text: str | bytes, words: str) -> None:
    told = problems(tmp_path, text)
    assert len(told) == 1
    assert words in told[0]
    assert len(told[0]) < 400


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "no.toml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError) as caught:
            load(path, {})
        assert caught.value.problems == [f"{path}: cannot be read: {reason}."]


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert problems(tmp_path, "") == [f"{tmp_path / 'config.toml'}: cannot be read: Permission denied."]


def test_an_unknown_section_in_the_environment() -> None:
    with pytest.raises(ConfigError, match=r"there is no section \[audoi\]. Did you mean audio"):
        load(None, {"EDGE_VOICE_AUDOI__VOLUME": "3"})


def test_text_in_the_environment_that_is_no_text() -> None:
    name = os.fsdecode(b"caf\xe9")
    with pytest.raises(ConfigError, match=r"EDGE_VOICE_DEVICE__NAME: .* is not a text"):
        load(None, {"EDGE_VOICE_DEVICE__NAME": name})


@pytest.mark.parametrize("zone", ["Mars/Base", "../etc/passwd", "Berlin\x07"])
def test_a_zone_that_is_none(zone: str) -> None:
    with pytest.raises(ConfigError, match="is no time zone; one looks like Europe/Berlin"):
        load(None, {"EDGE_VOICE_DEVICE__TIMEZONE": zone})


# --- show ----------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
CONFIGS = st.builds(
    lambda name, zone, use, volume, speed, on: replace(
        Config(), device=Device(name, zone), engine=Engine(tuple(use)), audio=replace(Audio(), volume=volume),
        local=replace(Config().local, speed=speed), log=replace(Config().log, transcripts=on),
    ),
    TEXTS, st.sampled_from(["", "Europe/Berlin", "UTC"]), st.lists(st.sampled_from(["local", "none"])),
    st.integers(0, 100), st.floats(0.5, 2.0), st.booleans(),
)  # fmt: skip


@given(CONFIGS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_shown_can_be_read_back(tmp_path: Path, config: Config) -> None:
    text = show(config)
    assert plain(from_text(tmp_path, text)) == config


def test_everything_is_shown_with_its_meaning() -> None:
    shown = tomllib.loads(show(Config()))
    for section in fields(Config()):
        value = getattr(Config(), section.name)
        if is_dataclass(value):
            assert list(shown[section.name]) == [f.name for f in fields(value)]
    assert "volume = 100  # percent" in show(Config())


# --- anything at all -----------------------------------------------------------------------------------

SECTIONS = st.sampled_from([f.name for f in fields(Config())]) | TEXTS
KEYS = st.sampled_from(["volume", "name", "use", "speed", "transcripts", "barge_in", "hold_ms"]) | TEXTS
TOML_VALUES = st.recursive(
    st.integers() | st.floats().map(repr) | st.booleans().map(lambda b: str(b).lower()) | TEXTS.map(lambda t: f"'{t}'"),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(map(str, items)) + "]"),
    max_leaves=5,
)


@given(st.lists(st.tuples(SECTIONS, KEYS, TOML_VALUES), max_size=6), st.binary(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_does_anything_but_work_or_be_refused(
    tmp_path: Path, entries: list[tuple[str, str, object]], tail: bytes
) -> None:
    text = "\n".join(f"[{section}]\n{key} = {value}" for section, key, value in entries)
    for data in (text.encode(), text.encode() + tail, tail):
        try:
            config = from_text(tmp_path, data)
        except ConfigError:
            continue
        else:
            assert plain(from_text(tmp_path, show(config))) == plain(config)


@given(st.dictionaries(st.builds("EDGE_VOICE_{}__{}".format, SECTIONS, KEYS) | TEXTS, st.text(max_size=20), max_size=6))
def test_no_environment_does_anything_but_work_or_be_refused(env: Env) -> None:
    with suppress(ConfigError):
        show(load(None, env)).encode()


# --- secrets -------------------------------------------------------------------------------------------


def test_a_secret_comes_from_the_credential_and_else_from_the_variable(tmp_path: Path) -> None:
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path), "OPENAI_API_KEY": " from-env \n"}
    assert secret("openai_api_key", env) == "from-env"
    (tmp_path / "openai_api_key").write_text("from-file\n")
    assert secret("openai_api_key", env) == "from-file"
    assert secret("deepgram_api_key", env) == ""
    assert secret("openai_api_key", {}) == ""


def test_a_variable_has_no_signs_in_its_name_and_the_credential_has(tmp_path: Path) -> None:
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path), "MCP_MY_HOME": "from-env"}
    assert secret("mcp_my-home", env) == "from-env"
    (tmp_path / "mcp_my-home").write_text("from-file")
    assert secret("mcp_my-home", env) == "from-file"


def test_a_credential_that_is_no_text_is_a_mistake_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "openai_api_key").write_bytes(b"\xff\xfesecret")
    with pytest.raises(ConfigError) as caught:
        secret("openai_api_key", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert "secret" not in str(caught.value)
    assert "openai_api_key" in str(caught.value)
