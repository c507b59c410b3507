"""Under which name and from which address somebody comes."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Server
from edge.config.web import address_of, origin_of
from edge.relay.addresses import client, is_proxy, key, networks, plain
from edge.relay.origins import origins

PROXIES = networks(["10.0.0.0/8", "::1"])


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://voice.example", "https://voice.example"),
        ("https://voice.example:443/", "https://voice.example"),
        ("http://voice.example:443", "http://voice.example:443"),
        ("HTTPS://Voice.Example", "https://voice.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("wss://voice.example", None),
        ("https://user@voice.example", None),
        ("https://", None),
        ("https://voice.example:99999", None),
        ("https://v\u00f6ice.example", None),
        ("https://a b", None),
        ("https://a;script-src", None),
        ("null", None),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str | None) -> None:
    assert origin_of(url) == origin


@given(st.text() | st.from_regex(r"https?://[\w.:\[\]@/-]*"))
def test_an_origin_is_a_fixed_point_and_has_nothing_but_a_place(url: str) -> None:
    found = origin_of(url)
    if found is not None:
        assert origin_of(found) == found
        assert not set(found) & set(" ;,'\"@?#\\\n")


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::]:443", ("::", 443)),
        ("localhost:0", ("localhost", 0)),
        ("8080", None),
        ("127.0.0.1", None),
        (":8080", None),
        ("a:b", None),
        ("x@y:80", None),
        ("127.0.0.1:8080/path", None),
        ("127.0.0.1:70000", None),
    ],
)
def test_an_address_to_listen_at(listen: str, address: tuple[str, int] | None) -> None:
    assert address_of(listen) == address


def test_without_configuration_it_is_reached_as_localhost_alone() -> None:
    found = origins(Server())
    assert found.own == "http://127.0.0.1:8080"
    assert found.allowed == {"http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"}
    assert found.hosts == {"127.0.0.1:8080", "localhost:8080", "[::1]:8080"}
    assert not found.secure


def test_behind_a_proxy_it_is_reached_by_its_public_name() -> None:
    found = origins(Server(public_url="https://voice.example", origins=("https://other.example",)))
    assert (found.own, found.host, found.secure) == ("https://voice.example", "voice.example", True)
    assert "https://other.example" in found.allowed
    assert "voice.example" in found.hosts
    assert "other.example" not in found.hosts  # its pages may talk to us; nobody reaches us by its name


def test_the_port_is_the_one_that_it_listens_to() -> None:
    assert origins(Server(listen="127.0.0.1:0"), 5001).own == "http://127.0.0.1:5001"


def test_with_an_own_certificate_it_is_reached_by_tls() -> None:
    assert origins(Server(listen="192.0.2.1:443", tls_cert="c", tls_key="k")).allowed == {"https://192.0.2.1"}


# --- addresses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),  # said by somebody who is no proxy of ours
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),  # the first one is what the client has made up
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),  # two proxies of ours
        ("10.0.0.1", ["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("::1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("", [], ""),
    ],
)
def test_only_our_proxies_are_believed(peer: str, forwarded: list[str], address: str) -> None:
    assert client(peer, forwarded, PROXIES) == address


@given(st.lists(st.text()), st.ip_addresses())
def test_whatever_is_forwarded_an_outsider_stays_who_they_are(forwarded: list[str], peer: object) -> None:
    if not is_proxy(str(peer), PROXIES):
        assert client(str(peer), forwarded, PROXIES) == str(plain(str(peer)))


@given(st.lists(st.text(alphabet="0123456789.:,[] ")), st.ip_addresses(v=4))
def test_what_the_nearest_proxy_has_added_counts(made_up: list[str], real: object) -> None:
    if not is_proxy(str(real), PROXIES):
        assert client("10.0.0.1", [*made_up, str(real)], PROXIES) == str(real)


def test_a_long_header_costs_little() -> None:
    assert client("10.0.0.1", ["10.0.0.1," * 100_000 + "198.51.100.1"], PROXIES) == "198.51.100.1"


@given(st.ip_addresses())
def test_an_ipv6_customer_has_one_key(address: object) -> None:
    found = ip_address(str(address))
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        neighbour = IPv6Address(int(found) ^ 1)
        assert key(str(found)) == key(str(neighbour)) == key(f"{found}%eth0")
        assert key(str(IPv6Address(int(found) ^ 1 << 64))) != key(str(found))
    else:
        assert key(str(found)) == str(plain(str(found)))
