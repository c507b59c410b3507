"""What of the network is needed, what the kernel says of it, and what that means."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from edge.agents.chained.reach import Place
from edge.config import Config, Engine, Realtime
from edge.config.chain import Chained, Llm
from edge.doctor import network
from edge.doctor.checks import State
from edge.doctor.network import Links, judged, links, places
from edge.doctor.reach import Attempt, Step
from edge.doctor.site import BAD_CONFIG, Asked, Presence, Site

OPENAI, DEEPGRAM = ("api.openai.com", 443), ("api.deepgram.com", 443)
HERE = ("127.0.0.1", 8080)
ETH = Links(("eth0",), ("wlan0",), ("eth0",))
ROUTE = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
DEFAULT = "eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
LOCAL = "wlan0\t0002A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0\n"
NONE_6 = "0" * 32


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No keys and no proxy."""
    for name in ("OPENAI_API_KEY", "DEEPGRAM_API_KEY", "CREDENTIALS_DIRECTORY", "https_proxy", "HTTPS_PROXY",
                 "no_proxy", "NO_PROXY"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


# --- what is needed ------------------------------------------------------------------------------------


def test_offline_nothing_is_needed_and_nothing_looked_at() -> None:
    (one,) = network.check(site(replace(Config(), engine=Engine(("local", "none")))))
    assert (one.state, one.found) == (State.SKIPPED, "Not needed by local and none.")
    assert network.check(Site(None, ["bad"], Path("/state"), Path("/run/c.sock"))) == [BAD_CONFIG]


def test_realtimes_host_and_that_of_another_server() -> None:
    assert places(Config(), ("realtime", "local")) == {OPENAI: True}
    assert places(Config(), ("local", "realtime")) == {OPENAI: False}
    own = replace(Config(), realtime=Realtime(url="ws://box:8080/v1/realtime?model=m"))
    assert places(own, ("realtime",)) == {("box", 8080): True}
    assert places(replace(own, realtime=Realtime(url="wss://x.openai.azure.com/v1")), ("realtime",)) == {
        ("x.openai.azure.com", 443): True
    }


def test_the_chains_hosts_of_which_the_first_of_a_stage_counts_most() -> None:
    config = replace(
        Config(), chained=Chained(stt=("deepgram", "openai", "local"), llm=("box",), tts=("local", "elevenlabs")),
        llm={"box": Llm(kind="chat", url="http://127.0.0.1:8080/v1")},
    )  # fmt: skip
    assert places(config, ("chained", "realtime")) == {
        DEEPGRAM: True, OPENAI: False, HERE: True, ("api.elevenlabs.io", 443): False,
    }  # fmt: skip
    assert places(config, ("realtime", "chained"))[DEEPGRAM] is False


def test_behind_a_proxy_the_proxy_is_what_must_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.lan:3128")
    config = replace(Config(), chained=Chained(stt=("deepgram",), llm=("openai",), tts=("openai",)))
    assert places(config, ("realtime", "chained")) == {("proxy.lan", 3128): True}
    monkeypatch.setenv("HTTPS_PROXY", "proxy.lan")
    assert places(config, ("realtime",)) == {("proxy.lan", 80): True}
    monkeypatch.setenv("NO_PROXY", "api.openai.com")
    assert places(config, ("realtime",)) == {OPENAI: True}


def test_a_running_daemon_may_use_what_is_not_seen_from_here() -> None:
    used = site(replace(Config(), engine=Engine(("local",))), engine={"engine": "realtime"})
    assert used.config is not None
    assert network.engines(used, used.config) == ("realtime", "local")
    used.daemon.status["engine"]["engine"] = "local"
    assert network.engines(used, used.config) == ("local",)


def test_a_key_that_cannot_be_read_is_told_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "openai_api_key").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert [one.state for one in network.check(site(Config()))] == [State.SKIPPED]


def test_a_server_on_this_machine_is_really_tried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        config = replace(Config(), engine=Engine(("realtime",)), realtime=Realtime(url=f"ws://127.0.0.1:{port}/v1"))
        (one,) = network.check(site(config))
        assert one.state is State.WELL
        assert "127.0.0.1 answers within " in one.found
    (one,) = network.check(site(config))
    assert (one.state, one.todo) == (State.FAIL, "Is that server running?")


def site(config: Config, **status: object) -> Site:
    return Site(config, [], Path("/state"), Path("/run/c.sock"),
                Asked(Presence.RUNS if status else Presence.ABSENT, status))  # fmt: skip


# --- what is there -------------------------------------------------------------------------------------


def interface(root: Path, name: str, state: str, carrier: str = "0", kind: str = "1") -> None:
    (root / name).mkdir()
    for file, text in (("operstate", state), ("carrier", carrier), ("type", kind)):
        (root / name / file).write_text(f"{text}\n")


def routes(root: Path, four: str, six: str | None = None) -> Path:
    (root / "route").write_text(ROUTE + four)
    if six is not None:
        (root / "ipv6_route").write_text(six)
    return root


def six(name: str, length: str = "00", flags: str = "00000003") -> str:
    return f"{NONE_6} {length} {NONE_6} 00 {NONE_6} 00000400 00000001 00000000 {flags} {name:>8}\n"


def test_interfaces_by_what_sys_shows(tmp_path: Path) -> None:
    net, proc = tmp_path / "net", tmp_path / "proc"
    net.mkdir()
    proc.mkdir()
    interface(net, "lo", "unknown", "1", "772")
    interface(net, "eth0", "up", "1")
    interface(net, "wlan0", "down")
    interface(net, "wg0", "unknown", "1", "65534")
    interface(net, "dummy0", "unknown")
    (net / "bonding_masters").touch()  # a file among the folders
    assert links(net, routes(proc, DEFAULT + LOCAL)) == Links(("eth0", "wg0"), ("dummy0", "wlan0"), ("eth0",))


@pytest.mark.parametrize(
    ("four", "other", "routed"),
    [
        (LOCAL, None, ()),
        (LOCAL, six("lo", flags="00200200"), ()),  # the kernel's own entry: unreachable
        (LOCAL, six("eth0", length="40"), ()),
        ("", six("eth0"), ("eth0",)),
        (DEFAULT, six("eth0") + six("wlan0"), ("eth0", "wlan0")),
        (DEFAULT.replace("0003", "0002"), None, ()),
    ],
)
def test_default_routes_of_both_protocols(tmp_path: Path, four: str, other: str | None, routed: tuple[str]) -> None:
    """Lines as /proc/net/route and /proc/net/ipv6_route have them."""
    assert links(tmp_path / "none", routes(tmp_path, four, other)).routed == routed


def test_what_cannot_be_read_is_not_taken_for_a_fault(tmp_path: Path) -> None:
    assert links(tmp_path, tmp_path) == Links()


def test_this_machine_can_be_read() -> None:
    found = links()
    assert "lo" not in found.up + found.down
    assert found.routed is not None


# --- what that means -----------------------------------------------------------------------------------


def told(lost: Mapping[Place, Step], there: Links = ETH, *, first: bool = True) -> list[tuple[State, str]]:
    tried = [Attempt(place, step, "why", 12.4) for place, step in lost.items()]
    return [(one.state, one.found) for one in judged(dict.fromkeys(lost, first), tried, there)]


def test_all_is_well_in_one_line() -> None:
    assert told({OPENAI: Step.THERE}) == [(State.WELL, "eth0 is up; api.openai.com answers within 12 ms.")]
    assert told({OPENAI: Step.THERE, DEEPGRAM: Step.THERE}) == [
        (State.WELL, "eth0 is up; api.openai.com and api.deepgram.com answer within 12 ms.")
    ]
    assert told({HERE: Step.THERE}, Links()) == [(State.WELL, "127.0.0.1 answers within 12 ms.")]


def test_the_cause_that_explains_most() -> None:
    lost = {OPENAI: Step.NAME, DEEPGRAM: Step.NAME}
    hosts = "api.openai.com and api.deepgram.com"
    assert told(lost, Links((), ("eth0", "wlan0"), ())) == [
        (State.FAIL, f"No network interface is up (eth0, wlan0: down): {hosts} cannot be reached.")
    ]
    assert told(lost, Links((), (), ()))[0][1].startswith("No network interface is up: ")
    assert told(lost, Links(("eth0", "wlan0"), (), ())) == [
        (State.FAIL, f"eth0 and wlan0 are up, and there is no default route: {hosts} cannot be reached.")
    ]
    assert told(lost) == [(State.FAIL, f"No address is found for {hosts} (DNS: why).")]
    assert told({OPENAI: Step.CONNECTION, DEEPGRAM: Step.NAME}) == [
        (State.FAIL, "No address is found for api.deepgram.com (DNS: why)."),
        (State.FAIL, "api.openai.com cannot be reached at port 443 (why)."),
    ]


def test_a_server_on_this_machine_needs_no_network() -> None:
    assert told({HERE: Step.CONNECTION}, Links((), ("eth0",), ())) == [
        (State.FAIL, "127.0.0.1 cannot be reached at port 8080 (why).")
    ]


def test_what_is_there_for_a_failure_is_a_warning() -> None:
    for lost in ({OPENAI: Step.NAME}, {OPENAI: Step.CONNECTION}):
        assert [state for state, _ in told(lost, first=False)] == [State.WARN]
    assert [state for state, _ in told({OPENAI: Step.NAME}, Links((), (), ()), first=False)] == [State.WARN]
