"""The network, as far as the engines in the order need it: interface, route, names, and the services' hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from edge.agents.chained.reach import Place
from edge.agents.chained.setup import LOCAL, PORTS, services
from edge.agents.local.setup import problem
from edge.agents.realtime.setup import VENDOR
from edge.config import Config
from edge.doctor.checks import Result, Results, fail, skipped, warn, well
from edge.doctor.reach import Attempt, Step, attempts
from edge.doctor.site import BAD_CONFIG, Presence, Site
from edge.engines import order
from edge.errors import ConfigError

STUCK = "Is the network slow? See: resolvectl status"
NAMES = "See: resolvectl status; cat /etc/resolv.conf"
FIREWALL = "Does a firewall or the router keep it away?"
CONNECT = "Plug in the cable, or: nmcli device wifi connect NAME --ask"
ROUTE = "Does the router give addresses (DHCP)? See: ip route; journalctl -u NetworkManager -n 30"
LOOPBACK = "772"  # linux/if_arp.h: ARPHRD_LOOPBACK
UP, REJECT = 0x1, 0x200  # linux/route.h: RTF_UP, RTF_REJECT


@dataclass(frozen=True, slots=True)
class Links:
    """Interfaces of this machine that are up and down, and those with a default route; None: it cannot be told."""

    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    routed: tuple[str, ...] | None = None


def check(site: Site) -> Results:
    """Offline there is nothing to look at."""
    if site.config is None:
        return [BAD_CONFIG]
    try:
        names = engines(site, site.config)
        needed = places(site.config, names)
    except (ConfigError, ValueError) as error:  # a key that cannot be read, a URL that is none
        return [skipped(f"It is not known what the engines need: {error}")]
    if not needed:
        return [skipped(f"Not needed by {' and '.join(names)}.")]
    return judged(needed, attempts(needed), links())


def engines(site: Site, config: Config) -> tuple[str, ...]:
    """The order; a running daemon may have keys that are not seen from here."""
    names = order(config)
    used = site.daemon.of("engine").get("engine") if site.daemon.presence is Presence.RUNS else None
    return names if used is None or used in names else (str(used), *names)


# --- what is needed ---------------------------------------------------------------------------------


def places(config: Config, names: Sequence[str]) -> dict[Place, bool]:
    """Each host with its port, and whether it is among the first that answer: the others are there for its failure."""
    found: dict[Place, bool] = {}
    for name in names:
        first = name == names[0]
        if name == "realtime":
            _add(found, _place(config.realtime.url or VENDOR), first=first)
        if name == "chained":
            _add_chained(found, config, first=first)
    return found


def _add_chained(found: dict[Place, bool], config: Config, *, first: bool) -> None:
    offline = not problem(config.local)
    for stage in ("stt", "llm", "tts"):
        for i, service in enumerate(services(config, stage, local=offline)):
            if service.kind != LOCAL:
                _add(found, service.place or _proxy(), first=first and i == 0)


def _add(found: dict[Place, bool], place: Place | None, *, first: bool) -> None:
    if place is not None:
        found[place] = found.get(place, False) or first


def _place(url: str) -> Place:
    """Where a connection to this goes to: the host, or the proxy."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = None if proxy_bypass(host) else _proxy()
    return proxy or (host, parts.port or PORTS.get(parts.scheme, 443))


def _proxy() -> Place | None:
    url = getproxies().get("https")
    if not url:
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return (parts.hostname or "", parts.port or PORTS.get(parts.scheme, 80))


# --- what is there ----------------------------------------------------------------------------------


def links(net: Path = Path("/sys/class/net"), routes: Path = Path("/proc/net")) -> Links:
    """By what the kernel shows."""
    up, down = list[str](), list[str]()
    for folder in sorted(net.glob("*")):
        with suppress(OSError):
            if (folder / "type").read_text().strip() != LOOPBACK:
                (up if _is_up(folder) else down).append(folder.name)
    return Links(tuple(up), tuple(down), _routed(routes))


def _is_up(folder: Path) -> bool:
    """A tunnel's or a USB gadget's state is unknown, and its carrier is not."""
    state = (folder / "operstate").read_text().strip()
    return state == "up" or (state == "unknown" and (folder / "carrier").read_text().strip() == "1")


def _routed(folder: Path) -> tuple[str, ...] | None:
    """The interfaces of the default routes of both protocols; None when they cannot be read."""
    try:
        rows = [line.split() for line in (folder / "route").read_text().splitlines()[1:]]
    except OSError:
        return None
    found = [row[0] for row in rows if row[1] == row[7] == "00000000" and int(row[3], 16) & UP]
    with suppress(OSError):  # a kernel without IPv6
        rows = [line.split() for line in (folder / "ipv6_route").read_text().splitlines()]
        found += [row[9] for row in rows if row[0] == "0" * 32 and row[1] == "00"
                  and int(row[8], 16) & (UP | REJECT) == UP]  # fmt: skip
    return tuple(dict.fromkeys(found))


# --- what that means --------------------------------------------------------------------------------


def judged(needed: Mapping[Place, bool], tried: Sequence[Attempt], links: Links) -> list[Result]:
    """One line when all is well; else the cause that explains the most."""
    lost = [one for one in tried if one.step is not Step.THERE]
    if not lost:
        return [_well(tried, links)]
    hosts = _names(one.place for one in lost)
    bad = fail if any(needed[one.place] for one in lost) else warn
    if not links.up and not all(_is_here(one.place) for one in lost):
        down = f" ({', '.join(links.down)}: down)" if links.down else ""
        return [bad(f"No network interface is up{down}: {hosts} cannot be reached.", CONNECT)]
    if links.routed == () and not all(_is_here(one.place) for one in lost):
        return [
            bad(
                f"{_and(links.up)} {_is(links.up)} up, and there is no default route: {hosts} cannot be reached.", ROUTE
            )
        ]
    return [*_unnamed([one for one in lost if one.step is Step.NAME], needed),
            *(_away(one, first=needed[one.place]) for one in lost if one.step is Step.CONNECTION)]  # fmt: skip


def _well(tried: Sequence[Attempt], links: Links) -> Result:
    way = f"{_and(links.routed)} {_is(links.routed)} up; " if links.routed else ""
    slowest = max(one.took_ms for one in tried)
    answer = "answers" if len({one.place for one in tried}) == 1 else "answer"
    return well(f"{way}{_names(one.place for one in tried)} {answer} within {slowest:.0f} ms.")


def _unnamed(lost: Sequence[Attempt], needed: Mapping[Place, bool]) -> list[Result]:
    if not lost:
        return []
    bad = fail if any(needed[one.place] for one in lost) else warn
    return [bad(f"No address is found for {_names(one.place for one in lost)} (DNS: {lost[0].said}).", NAMES)]


def _away(one: Attempt, *, first: bool) -> Result:
    host, port = one.place
    todo = "Is that server running?" if _is_here(one.place) else FIREWALL
    return (fail if first else warn)(f"{host} cannot be reached at port {port} ({one.said}).", todo)


def _is_here(place: Place) -> bool:
    return place[0] in {"localhost", "::1"} or place[0].startswith("127.")


def _names(hosts: Iterable[Place]) -> str:
    return _and(tuple(dict.fromkeys(host for host, _ in hosts)))


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
