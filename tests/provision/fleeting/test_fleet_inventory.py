"""fleet.toml: what devices inherit, and all mistakes at once."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from provision.fleeting import vault
from provision.fleeting.errors import Invalid, Usage
from provision.fleeting.inventory import for_ansible
from provision.fleeting.main import main
from provision.fleeting.reading import load, parse
from provision.fleeting.schema import Fleet, Member
from provision.updater.decisions import ring_of
from provision.updater.settings import load as load_settings

EXAMPLE = Path(__file__).parents[3] / "provision/fleet.example.toml"
GOOD = """
[defaults]
hardware = "usb"
engine = "offline"
[defaults.config.device]
language = "de"
[groups.loud.config.audio]
volume = 90
[groups.cloudy]
engine = "cloud"
[hardware.usb.audio]
input = "USB"
[engines.offline.engine]
use = ["local"]
[engines.cloud]
keys = { openai_api_key = "openai" }
[engines.cloud.engine]
use = ["realtime", "local"]
[devices.kitchen]
room = "Kitchen"
[devices.hall]
groups = ["loud", "cloudy"]
config.audio.input = "Array"
"""


def read(text: str) -> Fleet:
    return parse(tomllib.loads(text), Path("/nowhere/fleet.toml"))


def problems(text: str) -> list[str]:
    with pytest.raises(Invalid) as caught:
        read(text)
    return caught.value.problems


def member(fleet: Fleet, name: str) -> Member:
    return next(one for one in fleet.members if one.name == name)


def test_a_device_inherits_from_defaults_profiles_and_groups() -> None:
    fleet = read(GOOD)
    kitchen, hall = member(fleet, "kitchen"), member(fleet, "hall")
    assert kitchen.config == {
        "device": {"name": "kitchen", "language": "de"}, "engine": {"use": ["local"]}, "audio": {"input": "USB"},
    }  # fmt: skip
    assert hall.config["audio"] == {"input": "Array", "volume": 90}
    assert hall.config["engine"] == {"use": ["realtime", "local"]}
    assert (kitchen.keys, hall.keys) == ({}, {"openai_api_key": "openai"})
    assert fleet.wanted_secrets() == {"openai": "engines.cloud.keys.openai_api_key"}


def test_a_ring_is_given_or_worked_out_of_the_name_and_a_canary_is_first() -> None:
    fleet = read(GOOD + "ring = 0\n[devices.a]\nring = 42\n[devices.b]\ncanary = true\nring = 50\n")
    assert [one.ring for one in fleet.members] == [ring_of("kitchen"), 0, 42, 0]


def test_the_example_is_good() -> None:
    fleet = load(EXAMPLE)
    assert [one.name for one in fleet.members] == ["kitchen", "bedroom", "reception"]
    assert vault.warnings(fleet) == []


def test_all_mistakes_are_told_at_once_with_the_nearest_right_key() -> None:
    text = """
        [flet]
        [fleet]
        usr = "pi"
        port = 70000
        [update]
        waves = [50, 10]
        window = "2-5"
        failure_percent = "five"
        [relay]
        url = "voice.example.org"
        [wifi.home]
        ssid = ""
        country = "Germany"
        [groups.office]
        room = "Office"
        [hardware.usb.audio]
        input = "USB"
        [engines.offline.engin]
        use = ["local"]
        [engines.cloud]
        keys = { OPENAI = "openai" }
        [devices.kitchen]
        rom = "Kitchen"
        hardware = "ubs"
        groups = ["ofice"]
        engine = "offline"
        wifi = "hom"
        relay = "yes"
        [devices.Hall_1]
        config.audio.volume = 300
        [devices.den]
        address = "kitchen"
    """
    said = problems(text)
    for words in (
        "There is no section [flet]. Did you mean fleet?", "[fleet] has no key usr. Did you mean user?",
        "fleet.port = 70000 must be between 1 and 65535.", "update.waves = [50, 10] must rise and end with 100",
        "update.window = '2-5' is like 02:00-05:00.", "update.failure_percent = 'five' must be a number.",
        "relay.url = 'voice.example.org' is no address", "wifi.home.ssid must have 1 to 32 bytes.",
        "wifi.home.country = 'Germany' must be two capital letters", "[groups.office]: room is each device's own.",
        "there is no section [engin]. Did you mean engine?", "a key's name is like openai_api_key, not 'OPENAI'.",
        "[devices.kitchen] has no key rom. Did you mean room?", "devices.kitchen.hardware: there is no 'ubs'. Did you",
        "devices.kitchen.groups: there is no 'ofice'. Did you mean office?",
        "devices.kitchen.wifi: there is no 'hom'. Did you mean home?", "devices.kitchen.relay = 'yes' must be true",
        "[devices.Hall_1]: a name has small letters", "audio.volume = 300 must be between 0 and 100.",
        "Two devices have the address kitchen.",
    ):  # fmt: skip
        assert any(words in one for one in said), (words, said)
    assert len(said) == 20


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There are no devices"), ("[devices]\nkitchen = 1\n", "devices.kitchen must be a section"),
        ("defaults = 1\n[devices.a]\n", "defaults must be a section"), ("devices = 1\n", "devices must be sections"),
        ("[devices.a]\nconfig = 1\n", "devices.a.config must be a section"),
        ("[devices.a]\nrelay = true\n", "relay = true needs [relay] url"),
        ("[engines]\na = 1\n[devices.a]\n", "engines.a must be a section"),
        ("[engines.a]\nkeys = 1\n[devices.a]\n", "engines.a.keys names secrets"),
        ("[hardware.a]\naudio = 1\n[devices.a]\n", "hardware.a.audio must be a section"),
        ("[fleet]\nkeys = ['a.pub']\n[devices.a]\n", "there is no file /nowhere/a.pub"),
        ("[fleet]\nkeys = 'a.pub'\n[devices.a]\n", "must be a list of texts"),
        ("[update]\nwaves = []\n[devices.a]\n", "update.waves"),
    ],
)  # fmt: skip
def test_a_mistake_is_told(text: str, words: str) -> None:
    assert any(words in one for one in problems(text)), problems(text)


def test_a_file_that_is_not_there_or_no_toml(tmp_path: Path) -> None:
    with pytest.raises(Usage, match=r"Begin with a copy of provision/fleet\.example\.toml"):
        load(tmp_path / "fleet.toml")
    (tmp_path / "fleet.toml").write_text("[fleet\n")
    with pytest.raises(Usage, match="cannot be read"):
        load(tmp_path / "fleet.toml")


def test_ansible_gets_files_that_the_device_reads_and_no_secret(tmp_path: Path) -> None:
    fleet = read("[update]\nwindow = '02:00-05:00'\nminutes = 1.5\n" + GOOD)
    hosts = for_ansible(fleet, fleet.members)["all"]["hosts"]
    hall = hosts["hall"]
    assert (hall["ansible_host"], hall["ansible_user"], hall["ansible_become"]) == ("hall", "root", False)
    assert hall["configuration_keys"] == {"openai_api_key": "openai"}
    config = tomllib.loads(hall["configuration_toml"])
    assert config["engine"] == {"use": ["realtime", "local"]}
    conf = tmp_path / "update.conf"
    conf.write_text(hall["configuration_update"])
    settings = load_settings(conf, "some-machine")
    assert (settings.ring, settings.soak_s, settings.window is not None) == (ring_of("hall"), 90, True)


def test_odd_texts_come_through_the_file() -> None:
    odd = 'a "b" \\ \x7f ü'
    text = (
        GOOD.replace('input = "Array"', "input = " + repr_toml(odd)) + '[devices.a.config.mcp."x"]\nurl = "https://x"\n'
    )
    hosts = for_ansible(fleet := read(text), fleet.members)["all"]["hosts"]
    assert tomllib.loads(hosts["hall"]["configuration_toml"])["audio"]["input"] == odd
    assert tomllib.loads(hosts["a"]["configuration_toml"])["mcp"] == {"x": {"url": "https://x"}}


def repr_toml(text: str) -> str:
    escaped = "".join(f"\\u{ord(letter):04x}" if letter in '"\\\x7f' else letter for letter in text)
    return f'"{escaped}"'


# ---- secrets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "warned"),
    [
        ('token = "relay_token"', False), ('passphrase = "wifi_home"', False), ('passphrase = "Correct Horse 9"', True),
        ('room = "sk-0123456789abcdef0123"', True), ('keys = { openai_api_key = "openai" }', False),
        ('token = "evc_0123456789abcdef0123"', True), ('password = ""', False),
    ],
)  # fmt: skip
def test_a_secret_in_the_clear_is_seen_and_not_repeated(line: str, warned: bool) -> None:
    said = vault.in_the_clear(f"[x]\n{line}\n")
    if line == 'password = ""':
        return
    assert bool(said) == warned
    assert not any("sk-" in one or "Horse" in one for one in said)
    assert all("line 2" in one for one in said)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder under git with an inventory, and secrets in the clear."""
    (tmp_path / "fleet.toml").write_text("[fleet]\nsecrets = 'secrets.yml'\n" + GOOD)
    (tmp_path / "secrets.yml").write_text("secrets:\n  openai: sk-0123456789abcdef0123\n")
    subprocess.run(("git", "init", "-q", tmp_path), check=True)
    return tmp_path


def check(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["--fleet", str(folder / "fleet.toml"), *words, "check"])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_secrets_that_are_not_encrypted_are_warned_of(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = check(kept, capsys)
    assert (code, "secrets.yml is not encrypted: ansible-vault" in said) == (1, True)
    subprocess.run(("git", "-C", kept, "add", "."), check=True)
    code, said = check(kept, capsys)
    assert (code, "AND IS IN GIT" in said) == (1, True)
    assert "sk-0123" not in said


def test_encrypted_ones_are_good_and_references_are_followed(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    encrypt(kept)
    subprocess.run(("git", "-C", kept, "add", "."), check=True)
    code, said = check(kept, capsys)
    assert "The secrets themselves were not looked into." in said
    assert "encrypted" not in said
    code, said = check(kept, capsys, "--vault-password-file", str(kept / "password"))
    assert (code, "1 warnings" in said) == (1, True)  # no public key
    text = (kept / "fleet.toml").read_text()
    (kept / "fleet.toml").write_text(text.replace('"openai"', '"opnai"'))
    code, said = check(kept, capsys, "--vault-password-file", str(kept / "password"))
    assert "engines.cloud.keys.openai_api_key = 'opnai' is not in the file of secrets. Did you mean openai?" in said
    (kept / "password").write_text("another")
    code, said = check(kept, capsys, "--vault-password-file", str(kept / "password"))
    assert (code, "could not be decrypted" in said) == (1, True)


def encrypt(folder: Path) -> None:
    import sys

    (folder / "password").write_text("pass")
    command = Path(sys.executable).with_name("ansible-vault")
    words = (command, "encrypt", "--vault-password-file", folder / "password", folder / "secrets.yml")
    subprocess.run(words, check=True, capture_output=True)
