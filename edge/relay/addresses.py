"""Whose address a request comes from. Pure.

X-Forwarded-For is what its sender likes to write; only the part that our own proxies have added is believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
LONGEST = 2000  # characters of the header that are looked at, from its end


def networks(names: Iterable[str]) -> tuple[Network, ...]:
    """Of server.proxies; ValueError for what is no address or network."""
    return tuple(ip_network(name, strict=False) for name in names)


def client(peer: str, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """The address behind our proxies; `forwarded` are the X-Forwarded-For headers in their order."""
    found = plain(peer)
    hops = ",".join(forwarded)[-LONGEST:].split(",") if forwarded else []
    while hops and found is not None and _within(found, proxies):
        nearer = plain(hops.pop().strip())
        if nearer is None:
            break
        found = nearer
    return str(found) if found is not None else ""


def key(address: str) -> str:
    """What is counted together: an IPv4 address, or the /64 that one customer has of IPv6."""
    found = plain(address)
    if isinstance(found, IPv6Address):
        return str(IPv6Network((int(found) >> 64 << 64, 64)))
    return str(found) if found is not None else "unknown"


def is_proxy(peer: str, proxies: Sequence[Network]) -> bool:
    """Whether it is one of our proxies, whose connections are those of many."""
    found = plain(peer)
    return found is not None and _within(found, proxies)


def plain(text: str) -> IPv4Address | IPv6Address | None:
    """Without a port, brackets or zone; an IPv4 address in IPv6's clothes is IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _within(address: IPv4Address | IPv6Address, proxies: Sequence[Network]) -> bool:
    return any(address in network for network in proxies)
