"""Sections whose entries are named by the owner: [mcp.NAME] and [prices.MODEL]."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from dataclasses import astuple, fields, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.config import PRICES, Config, Mcp, Price, load, show
from edge.config.prices import CHAINED, REALTIME
from edge.errors import ConfigError

Env = dict[str, str]
WEATHER = '[mcp.weather]\nurl = "https://weather.example/mcp"\n'


def from_text(tmp_path: Path, text: str, env: Env | None = None) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return replace(load(file, env or {}), sources=())


def problems(tmp_path: Path, text: str, env: Env | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        from_text(tmp_path, text, env)
    return [problem.removeprefix(f"{tmp_path / 'config.toml'}: ") for problem in caught.value.problems]


# --- the file ------------------------------------------------------------------------------------------


def test_nothing_given_is_no_servers_and_the_known_prices() -> None:
    assert Config().mcp == {}
    assert Config().prices == PRICES


def test_an_entry_has_the_defaults_of_what_it_does_not_say(tmp_path: Path) -> None:
    text = WEATHER + '[mcp.Mail-2]\nconnector_id = "connector_gmail"\nallowed_tools = ["search"]\ndescription = "Mail."'
    assert from_text(tmp_path, text).mcp == {
        "weather": Mcp(url="https://weather.example/mcp"),
        "Mail-2": Mcp(connector_id="connector_gmail", allowed_tools=("search",), description="Mail."),
    }


def test_a_price_overrides_only_what_it_names(tmp_path: Path) -> None:
    prices = from_text(tmp_path, '[prices."gpt-realtime-2.1"]\naudio_in = 16\n').prices
    assert prices["gpt-realtime-2.1"] == replace(PRICES["gpt-realtime-2.1"], audio_in=16.0)
    assert isinstance(prices["gpt-realtime-2.1"].audio_in, float)
    assert {**prices, "gpt-realtime-2.1": PRICES["gpt-realtime-2.1"]} == PRICES


def test_a_deployment_has_only_the_prices_given(tmp_path: Path) -> None:
    prices = from_text(tmp_path, "[prices.kitchen]\naudio_out = 64\n").prices
    assert prices == {**PRICES, "kitchen": Price(audio_out=64.0)}


def test_one_files_entries_are_not_the_next_ones(tmp_path: Path) -> None:
    from_text(tmp_path, WEATHER + "[prices.kitchen]\naudio_out = 64\n")
    assert load(None, {}) == Config()
    assert "kitchen" not in PRICES


# --- the environment -----------------------------------------------------------------------------------


def test_the_environment_makes_entries_and_changes_those_of_the_file(tmp_path: Path) -> None:
    env = {
        "EDGE_VOICE_MCP__MY_HOME__URL": "https://home.example/mcp",
        "EDGE_VOICE_MCP__MY_HOME__ALLOWED_TOOLS": "light, heating",
        "EDGE_VOICE_MCP__WEATHER__DESCRIPTION": "Weather.",
    }
    assert from_text(tmp_path, WEATHER, env).mcp == {
        "weather": Mcp(url="https://weather.example/mcp", description="Weather."),
        "my_home": Mcp(url="https://home.example/mcp", allowed_tools=("light", "heating")),
    }


@pytest.mark.parametrize("name", ["GPT_REALTIME_2_1", "gpt-realtime-2.1", "GPT-REALTIME-2.1"])
def test_a_variable_means_the_entry_that_is_there_whatever_its_signs(name: str) -> None:
    config = load(None, {f"EDGE_VOICE_PRICES__{name}__TEXT_OUT": "12.5"})
    assert config.prices == {**PRICES, "gpt-realtime-2.1": replace(PRICES["gpt-realtime-2.1"], text_out=12.5)}


def test_a_variable_means_the_entry_of_the_file_in_its_own_case(tmp_path: Path) -> None:
    config = from_text(
        tmp_path, '[mcp.My-Home]\nurl = "https://a.example"', {"EDGE_VOICE_MCP__MY_HOME__URL": "https://b"}
    )
    assert config.mcp == {"My-Home": Mcp(url="https://b")}


@pytest.mark.parametrize("name", ["EDGE_VOICE_MCP__URL", "EDGE_VOICE_MCP____URL", "EDGE_VOICE_MCP__"])
def test_a_variable_without_a_name_says_where_it_goes(name: str) -> None:
    good = {"EDGE_VOICE_MCP__URL__URL": "https://a.example"}  # an entry that is named like the key
    with pytest.raises(ConfigError) as caught:
        load(None, {name: "https://b.example", **good})
    assert caught.value.problems == [f"{name}: [mcp] has named entries: EDGE_VOICE_MCP__NAME__KEY."]
    assert load(None, good).mcp == {"url": Mcp(url="https://a.example")}


# --- mistakes ------------------------------------------------------------------------------------------


def test_every_mistake_is_told_at_once_with_the_nearest_right_name(tmp_path: Path) -> None:
    text = """
        [mcp]
        kitchen = "https://kitchen.example"
        [mcp.weather]
        url = "https://weather.example/mcp"
        descripton = "Weather."
        allowed_tools = [1]
        [prices.kitchen]
        audio_in = -1
        audio_out = "much"
        [prices."gpt-realtime-2.1"]
        text_inn = 4
        [price.x]
        text_in = 1
    """
    env = {"EDGE_VOICE_PRICES__KITCHEN__TEXT_IN": "dear", "EDGE_VOICE_MCP__WEATHER__ULR": "https://x.example"}
    assert problems(tmp_path, text, env) == [
        "mcp.kitchen must be a section: [mcp.kitchen].",
        "[mcp.weather] has no key descripton. Did you mean description?",
        "mcp.weather.allowed_tools = [1] must be a list of texts.",
        "prices.kitchen.audio_in = -1 must be between 0 and 1000000.",
        "prices.kitchen.audio_out = 'much' must be a number.",
        '[prices."gpt-realtime-2.1"] has no key text_inn. Did you mean text_in?',
        "there is no section [price]. Did you mean prices?",
        "EDGE_VOICE_PRICES__KITCHEN__TEXT_IN: 'dear' is not a number.",
        "the environment: [mcp.weather] has no key ulr. Did you mean url?",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mcp = 5", "mcp must be a section: [mcp]."),
        ("[[mcp]]", "mcp must be a section: [mcp]."),
        ("[[mcp.weather]]", "mcp.weather must be a section: [mcp.weather]."),
        ('[prices."a b"]', "[prices] cannot have an entry named 'a b'."),
        ('[prices.""]', "[prices] cannot have an entry named ''."),
        ("[prices." + "x" * 101 + "]", f"[prices] cannot have an entry named '{'x' * 59}...."),
        (
            "[prices.gpt-realtime-2.1]\ntext_in = 4",
            '[prices.gpt-realtime-2] has no section 1; a name with a dot needs quotes: [prices."gpt-realtime-2.1"].',
        ),
        ("[mcp.weather]", "mcp.weather needs either a url, a command or a connector_id."),
        (WEATHER + 'connector_id = "connector_gmail"', "mcp.weather needs either a url, a command or a connector_id."),
        (
            '[mcp.weather]\nurl = "weather.example/mcp"',
            "mcp.weather.url = 'weather.example/mcp' is no address; one looks like https://example.com/mcp.",
        ),
        (
            WEATHER + 'confirm = ["all"]',
            "mcp.weather.confirm needs here = true: else the vendor calls its tools, and asks nobody.",
        ),
        (
            '[mcp.mail]\nconnector_id = "connector_gmail"\nhere = true',
            "mcp.mail: the vendor calls a connector, so here and confirm cannot be.",
        ),
        (
            '[shell.lamp]\ncommand = ["lamp"]',
            'shell.lamp.command must begin with the whole path of a program: ["/usr/bin/uptime"].',
        ),
        (
            '[shell.lamp]\ncommand = ["/bin/lamp", "{a b}"]',
            "shell.lamp.command: {a b} is no argument's name; one looks like {room}.",
        ),
        (
            '[shell.lamp]\ncommand = ["/bin/lamp", "{"]',
            "shell.lamp.command: Single '{' encountered in format string; write {{ for a bracket that is meant.",
        ),
        (
            '[shell.lamp]\ncommand = ["/bin/{lamp}"]',
            "shell.lamp.command: the program itself cannot be an argument.",
        ),
        (
            '[shell.lamp]\ncommand = ["/bin/lamp", "{room}"]\nchoices = ["hall"]',
            "shell.lamp.choices: 'hall' is none of an argument; one looks like \"room=hall\".",
        ),
    ],
)
def test_a_mistake_in_an_entry(tmp_path: Path, text: str, says: str) -> None:
    assert problems(tmp_path, text) == [says]


@pytest.mark.parametrize("name", ["../etc/passwd", "1st", "a.b", "-a", "x" * 65, "küche", "a/b"])
def test_a_servers_name_is_part_of_a_files_name(tmp_path: Path, name: str) -> None:
    (told,) = problems(tmp_path, f'[mcp."{name}"]\nurl = "https://weather.example/mcp"')
    assert told.startswith("mcp: a name begins with a letter and has letters, digits, - and _ only; not '")


@pytest.mark.parametrize("name", ["a", "Weather_2", "my-home", "x" * 64])
def test_a_good_name_of_a_server(tmp_path: Path, name: str) -> None:
    assert list(from_text(tmp_path, f'[mcp.{name}]\nurl = "http://10.0.0.2:8000/mcp"').mcp) == [name]


# --- show ----------------------------------------------------------------------------------------------

MONEY = st.floats(0, 1_000_000)
MODELS = st.text("abcXYZ019._-:/@+äß", min_size=1, max_size=20) | st.sampled_from(list(PRICES))
NAMES = st.from_regex("[A-Za-z][A-Za-z0-9_-]{0,63}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SERVERS = st.builds(
    Mcp, url=st.just("https://a.example"), description=TEXTS, allowed_tools=st.lists(TEXTS, max_size=3).map(tuple)
) | st.builds(Mcp, connector_id=TEXTS.filter(bool))
TABLES = st.builds(
    lambda prices, mcp: replace(Config(), prices={**PRICES, **prices}, mcp=mcp),
    st.dictionaries(MODELS, st.builds(Price, *[MONEY] * len(fields(Price))), max_size=3),
    st.dictionaries(NAMES, SERVERS, max_size=3),
)


@given(TABLES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_shown_can_be_read_back(tmp_path: Path, config: Config) -> None:
    assert from_text(tmp_path, show(config)) == config


def test_every_entry_is_shown_with_its_meaning() -> None:
    text = show(replace(Config(), mcp={"weather": Mcp(url="https://weather.example/mcp")}))
    shown = tomllib.loads(text)
    assert shown["prices"].keys() == PRICES.keys()
    assert shown["prices"]["gpt-realtime-2.1"].keys() == {f.name for f in fields(Price)}
    assert '\n[prices."gpt-realtime-2.1"]\ntext_in = 4.0  # text to the model\n' in text
    assert '\n[mcp.weather]\nurl = "https://weather.example/mcp"  # where the server is' in text
    assert "\n# [mcp.NAME]: tools on an MCP server; they are called without asking anybody" in text
    assert '\n# [prices."MODEL"]: what a model costs, per 1,000,000 tokens' in text


def test_a_section_without_entries_shows_how_one_is_written(tmp_path: Path) -> None:
    """Without the comment signs it is an entry like any other."""
    text = show(Config())
    assert "mcp" not in tomllib.loads(text)
    _, _, example = text.partition("# [mcp.NAME]")
    keys = [line.removeprefix("# ").partition(" = ")[0] for line in example.split("\n\n")[0].splitlines()[1:]]
    assert keys == [f.name for f in fields(Mcp)]


def test_no_secret_has_a_key() -> None:
    """The file may be read by others; authorizations are credentials."""
    keys = {f.name for f in fields(Mcp)} | {f.name for f in fields(Config().realtime)}
    assert not {key for key in keys if "key" in key.split("_") or "authorization" in key or "secret" in key}


# --- the built-in prices -------------------------------------------------------------------------------


def test_every_price_of_the_vendor_is_complete() -> None:
    """A model of tokens has all of them, the cached ones cheaper; one of minutes has nothing else."""
    by_minute = {name for name, price in REALTIME.items() if price.audio_minute}
    assert by_minute == {"gpt-live-transcribe", "gpt-realtime-whisper", "gpt-transcribe"}
    for name, price in REALTIME.items():
        by_token = astuple(price)[: len(fields(Price)) - 2]
        assert not any(by_token) if name in by_minute else all(by_token)
        assert price.text_cached <= price.text_in <= price.text_out
        assert price.audio_cached <= price.audio_in <= price.audio_out


def test_a_price_of_the_chained_engine_is_in_one_unit_only() -> None:
    for price in CHAINED.values():
        if price.audio_minute or price.characters:
            assert sum(map(bool, astuple(price))) == 1
        else:
            assert 0 < price.text_cached < price.text_in <= price.text_out


@pytest.mark.parametrize(
    ("model", "audio", "text"),
    [
        ("gpt-realtime-2.1", (32, 0.4, 64), (4, 0.4, 24)),
        ("gpt-realtime-2.1-mini", (10, 0.3, 20), (0.6, 0.06, 2.4)),
        ("gpt-realtime-1.5", (32, 0.4, 64), (4, 0.4, 16)),
        ("gpt-realtime", (32, 0.4, 64), (4, 0.4, 16)),
    ],
)
def test_a_published_price(model: str, audio: tuple[float, ...], text: tuple[float, ...]) -> None:
    price = PRICES[model]
    assert (price.audio_in, price.audio_cached, price.audio_out) == audio
    assert (price.text_in, price.text_cached, price.text_out) == text


# --- anything at all -----------------------------------------------------------------------------------

VALUES = st.sampled_from(
    ["1", "'https://a.example'", "[]", "{}", "{x = {}}", "true", "nan", "[['a']]", "{url = 'http://a'}"]
)
ENTRIES = st.sampled_from(["weather", '"gpt-realtime-2.1"', "a.b.c", '""', '"\\u0000"', "'é'"])


@given(st.lists(st.tuples(st.sampled_from(["mcp", "prices"]), ENTRIES, st.sampled_from(["url", "text_in"]), VALUES)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_does_anything_but_work_or_be_refused(tmp_path: Path, lines: list[tuple[str, ...]]) -> None:
    text = "\n".join(f"{section}.{entry}.{key} = {value}" for section, entry, key, value in lines)
    try:
        config = from_text(tmp_path, text)
    except ConfigError:
        return
    assert from_text(tmp_path, show(config)) == config


@given(
    st.dictionaries(
        st.builds(
            "EDGE_VOICE_{}__{}".format, st.sampled_from(["MCP", "PRICES"]), st.text("_AURLé\udce9.", max_size=12)
        ),
        st.sampled_from(["1", "https://a.example", "", "\udce9"]),
        max_size=6,
    )
)
def test_no_environment_does_anything_but_work_or_be_refused(env: Env) -> None:
    with suppress(ConfigError):
        show(load(None, env)).encode()
