"""What a link decides without a network: who may do what, what is told, how late a message is, when to dial again."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from edge.config import Relay
from edge.errors import LinkError
from edge.host import identity
from edge.host.link_home import Home
from edge.host.link_refusal import HOUR_S, by_code
from edge.host.link_waits import Waits
from edge.host.link_wire import Address, Ages, Enrol, Hello, Pair, Terms, address, introduction

# --- the key ---------------------------------------------------------------------------------------------


def test_a_key_is_made_once_and_is_for_its_owners_eyes_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "identity"
    assert identity.load(path) is None
    made = identity.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["identity"]
    assert identity.create(path).id == made.id
    again = identity.load(path)
    assert again is not None
    assert (again.id, again.public_key) == (made.id, made.public_key)
    assert len(made.id) == 20
    assert path.read_text().splitlines()[1] not in repr(made)


def test_the_signature_is_the_keys_own(tmp_path: Path) -> None:
    from edge.host.link_wire import signed_text as given
    from edge.relay.devices.proof import id_of, is_signed
    from edge.relay.devices.proof import signed_text as asked

    one = identity.create(tmp_path / "identity")
    public = one._key.public_key().public_bytes_raw()
    assert id_of(public) == one.id
    assert given("Voice.example", "n") == asked("voice.EXAMPLE", "n")
    assert is_signed(public, one.sign(given("voice.example", "n")), asked("voice.example", "n"))
    for host, nonce in (("other.example", "n"), ("voice.example", "m")):
        assert not is_signed(public, one.sign(given("voice.example", "n")), asked(host, nonce))
    for nothing in (None, 7, "", "AAAA", "x" * 88):
        assert not is_signed(public, nothing, b"")


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_file_that_is_no_key_is_told_and_never_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "identity"
    path.write_bytes(content)
    with pytest.raises(LinkError, match="no key of a device"):
        identity.create(path)
    assert path.read_bytes() == content


def test_a_key_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LinkError, match=r"cannot be (kept|read)"):
        identity.create(tmp_path / "file" / "identity")


def test_nothing_is_left_after_forgetting(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.own()
    home.name_relay("https://voice.example/")
    (tmp_path / ".identity.abcd").write_text("of a power cut")
    assert home.url == "https://voice.example"
    home.forget()
    assert list(tmp_path.iterdir()) == []
    home.forget()
    assert home.url == ""


def test_the_configured_relay_goes_before_one_that_was_named(tmp_path: Path) -> None:
    Home(tmp_path).name_relay("https://one.example")
    assert Home(tmp_path, "https://two.example/").url == "https://two.example"
    with pytest.raises(LinkError, match="change it there"):
        Home(tmp_path, "https://two.example").name_relay("https://three.example")
    (tmp_path / "relay.json").write_text("[]")
    assert Home(tmp_path).url == ""


# --- words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://voice.example", Address("wss://voice.example/device", "voice.example")),
        ("https://voice.example:8443", Address("wss://voice.example:8443/device", "voice.example:8443")),
        ("http://127.0.0.1:8080", Address("ws://127.0.0.1:8080/device", "127.0.0.1:8080")),
        ("http://[::1]:80", Address("ws://[::1]/device", "[::1]")),
    ],
)
def test_the_relays_address(origin: str, expected: Address) -> None:
    assert address(origin) == expected


def test_the_first_message(tmp_path: Path) -> None:
    one = identity.create(tmp_path / "identity")
    hello = introduction(Hello(), one, "SIG", "Kitchen", "1.0")
    assert (hello["type"], hello["device"], hello["signature"]) == ("hello", one.id, "SIG")
    assert "public_key" not in hello
    enrol = introduction(Enrol("CODE"), one, "SIG", "Kitchen", "1.0")
    assert (enrol["type"], enrol["code"], enrol["public_key"]) == ("enrol", "CODE", one.public_key)
    assert introduction(Pair(), one, "SIG", "Kitchen", "1.0")["name"] == "Kitchen"


def test_words_leave_the_device_only_if_it_and_the_owner_allow_it_and_somebody_looks() -> None:
    for mask in range(8):
        own, allowed, watched = bool(mask & 1), bool(mask & 2), bool(mask & 4)
        terms = Terms(Relay(transcripts=own), watched=watched, allowed=allowed)
        told = terms.told("user_transcript", {"text": "secret"})
        tool = terms.told("tool", {"name": "t", "arguments": {"name": "secret"}})
        assert (told is not None) == (mask == 7)
        assert (tool is not None) == watched
        assert ("secret" in str(tool)) == (mask == 7)
        assert terms.told("state", {"state": "idle"}) == {"v": 1, "event": "state", "state": "idle"}
        assert terms.told("something_new", {}) is None


def test_levels_are_sent_while_somebody_looks_unless_turned_off() -> None:
    assert Terms(Relay(), watched=True).levels
    assert not Terms(Relay(), watched=False).levels
    assert not Terms(Relay(levels=False), watched=True).levels


@pytest.mark.parametrize(
    ("commands", "let", "refused"),
    [
        ("all", ("press", "unmute", "say", "restart", "status"), ("config", "pair", "unenrol", "link", "watch")),
        ("quiet", ("say", "mute", "volume", "timers"), ("press", "hold", "unmute")),
        ("none", ("status", "timers"), ("say", "mute", "press")),
    ],
)
def test_what_the_relay_may_have_done(commands: str, let: tuple[str, ...], refused: tuple[str, ...]) -> None:
    terms = Terms(Relay(commands=commands))
    assert [one for one in let if terms.refused(one)] == []
    assert [one for one in refused if not terms.refused(one)] == []


def test_how_late_a_message_is_by_two_clocks_that_drift() -> None:
    ages = Ages(1000.0)
    assert ages.late(0.0, 1000.1) == 0.0  # the way here took a tenth
    assert ages.late(10.0, 1010.1) == pytest.approx(0.0)
    assert ages.late(20.0, 1025.1) == pytest.approx(5.0)
    for hour in range(1, 100):  # theirs is 0.1 % fast: each message seems to come earlier
        assert ages.late(hour * 3603.6, 1000.1 + hour * 3600) == 0.0
    for unclear in (None, "1", True):
        assert ages.late(unclear, 5000.0) == 0.0


# --- waiting ---------------------------------------------------------------------------------------------


def test_what_the_relay_means_by_closing() -> None:
    revoked, restart, code = by_code(4403, "revoked"), by_code(1012, ""), by_code(4401, "wrong code")
    assert restart is None
    assert by_code(None, "") is None
    assert revoked is not None
    assert revoked.unknown
    assert revoked.least_s == HOUR_S
    assert code is not None
    assert "code" in str(code)
    for one in (4401, 4409, 4429):
        closed = by_code(one, "")
        assert closed is not None
        assert closed.least_s >= 30


def test_a_press_does_not_wait_but_for_what_the_relay_has_asked() -> None:
    waits = Waits(random.Random(1))
    for n in range(10):
        waits.dialled(100.0 + n)
        waits.refused(100.0 + n, 0.0)
    assert waits.due > 112
    waits.pressed()
    assert waits.due == 110.0  # a second after the last try
    waits.refused(200.0, 30.0)
    waits.pressed()
    assert waits.due == 230.0
    waits.refused(300.0, HOUR_S)
    waits.pressed()
    assert waits.due == 300 + HOUR_S
    waits.begin()
    assert waits.due == 0.0


def test_after_a_restart_of_the_relay_the_device_is_back_within_two_seconds() -> None:
    for seed in range(100):
        waits = Waits(random.Random(seed))
        waits.lost(50.0, 3600.0, restart=True)
        assert 50.0 <= waits.due <= 51.0
        tries = 0
        while waits.due < 60.0:
            now = waits.due
            waits.refused(now, 0.0)  # it is not there yet
            assert waits.due - now <= 1.0
            tries += 1
        assert tries < 60


# --- a fleet (reliability.md, test 15) ------------------------------------------------------------------


def outage(seconds: float, count: int = 1000, seed: int = 7) -> tuple[list[int], list[float], list[Waits]]:
    """Reconnects in each second after it, and how long a press during its last second waits for a link."""
    rng = random.Random(seed)
    fleet = [Waits(random.Random(rng.random())) for _ in range(count)]
    for one in fleet:
        one.lost(0.0, 1e6, restart=False)
        while one.due < seconds:
            one.dialled(one.due)
            one.refused(one.due, 0.0)
    back = [one.due - seconds for one in fleet]
    each = [sum(1 for at in back if n <= at < n + 1) for n in range(70)]
    pressed = []
    for one in fleet:
        at = seconds + rng.uniform(0, 1)
        if one.due > at:
            one.pressed()
        pressed.append(max(one.due, at) - at)
    return each, sorted(pressed), fleet


def test_after_ten_minutes_a_thousand_devices_do_not_come_back_at_once() -> None:
    each, pressed, _ = outage(600.0)
    assert sum(each) == 1000  # all, within the ceiling
    assert max(each) < 50 + 15  # 5 % a second, and what chance adds for a thousand in one second
    assert sum(each[:5]) / 5 < 50
    assert pressed[950] < 5.0


def test_after_ten_seconds_a_press_is_answered_too() -> None:
    _, pressed, _ = outage(10.0)
    assert pressed[950] < 5.0


def test_a_fleet_that_is_told_to_wait_comes_spread() -> None:
    """Admission control: all have been sent away with the same Retry-After."""
    fleet = [Waits(random.Random(n)) for n in range(1000)]
    for one in fleet:
        one.refused(0.0, 10.0)
    due = [one.due for one in fleet]
    assert min(due) >= 10.0
    assert max(due) <= 12.0
    assert max(sum(1 for at in due if 10 + n / 10 <= at < 10.1 + n / 10) for n in range(20)) < 100
