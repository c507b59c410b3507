"""Every endpoint with every wrong identity: nobody reads or changes what is another's.

The table says who may use a route. Everybody else is tried, and must be turned away without a word of what is there.
A route without an entry fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
import pytest
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from edge.relay.app import parts
from edge.relay.people.repository import remove
from edge.relay.store import codes
from tests.relay.rig import Relay, configured, running

# Who there is. "his": of the device that is asked for; "other": of another device, on the same relay.
PEOPLE = ("relay_owner", "his_owner", "his_viewer", "other_owner", "stranger")
MACHINES = ("his_device", "other_device", "client")
GONE = ("nobody", "wrong_cookie", "ended_session", "expired_session", "removed_person", "wrong_token",
        "revoked_client", "expired_device_token", "revoked_device")  # fmt: skip
EVERYONE = (*PEOPLE, *MACHINES, "fleet", *GONE)
HIS = ("relay_owner", "his_owner", "his_viewer")
OWNERS = ("relay_owner", "his_owner")
TALKERS = (*PEOPLE, *MACHINES)
PLANTED = ("Kitchen-of-Hilda", "Hilda-the-owner", "Vera-the-viewer")  # names that only theirs may read


@dataclass(frozen=True, slots=True)
class Entry:
    """`may`: who is let in; "anyone" for what is open, which says nothing of anybody. `json`: what is sent along."""

    may: tuple[str, ...]
    json: dict[str, Any] = field(default_factory=dict)


ANYONE = Entry(EVERYONE)
TABLE: dict[tuple[str, str], Entry] = {
    ("GET", "/healthz"): ANYONE,
    ("GET", "/readyz"): ANYONE,
    ("GET", "/metrics"): Entry(("relay_owner", "client")),  # through a proxy; see test_guard for this machine
    ("POST", "/api/setup"): ANYONE,
    ("POST", "/api/login"): ANYONE,
    ("POST", "/api/logout"): ANYONE,
    ("POST", "/api/invites/accept"): ANYONE,
    ("POST", "/api/passkeys/login/begin"): ANYONE,
    ("POST", "/api/passkeys/login/finish"): ANYONE,
    ("GET", "/api/me"): Entry(PEOPLE),
    ("POST", "/api/password"): Entry(PEOPLE),
    ("POST", "/api/tickets"): Entry(PEOPLE, {"path": "/x"}),
    ("GET", "/api/people"): Entry(("relay_owner",)),
    ("DELETE", "/api/people/{person}"): Entry(("relay_owner", "his_viewer")),
    ("POST", "/api/invites"): Entry(OWNERS, {"device": "{device}", "role": "viewer"}),
    ("GET", "/api/passkeys"): Entry(PEOPLE),
    ("POST", "/api/passkeys/register/begin"): Entry(PEOPLE),
    ("POST", "/api/passkeys/register/finish"): Entry(PEOPLE),
    ("DELETE", "/api/passkeys/{passkey}"): Entry(("his_owner",)),
    ("GET", "/api/audit"): Entry(PEOPLE),
    ("GET", "/api/tokens"): Entry(("relay_owner",)),
    ("POST", "/api/tokens"): Entry(("relay_owner",), {"name": "x"}),
    ("DELETE", "/api/tokens/{holder}"): Entry(("relay_owner",)),
    # --- voice
    ("GET", "/api/usage"): Entry(PEOPLE),
    ("POST", "/v1/realtime/calls"): Entry(TALKERS),
    ("POST", "/v1/realtime/calls/{call}/hangup"): Entry(("his_owner",)),
    ("WS", "/v1/realtime"): Entry(TALKERS),
    ("WS", "/api/calls/{call}/page"): Entry(("his_owner",)),
    # --- devices
    ("WS", "/device"): ANYONE,  # proves itself after the connection is accepted
    ("WS", "/api/devices/{device}/live"): Entry(HIS),
    ("GET", "/api/devices"): Entry(PEOPLE),
    ("GET", "/api/devices/{device}"): Entry(HIS),
    ("PATCH", "/api/devices/{device}"): Entry(OWNERS, {"name": "x"}),
    ("DELETE", "/api/devices/{device}"): Entry(OWNERS),
    ("POST", "/api/devices/pair"): Entry(PEOPLE, {"code": "x"}),
    ("POST", "/api/enrolments"): Entry(("relay_owner",)),
    ("POST", "/api/fleet/enrolments"): Entry(("fleet",)),
    ("GET", "/api/fleet/devices"): Entry(("fleet",)),
    ("DELETE", "/api/fleet/devices/{device}"): Entry(("fleet",)),
    # --- page
    ("GET", "/"): ANYONE,
    ("GET", "/page/{name}"): ANYONE,
}
# Lists that everybody may ask for, each with their own part of it.
OWN_PART = {("GET", "/api/me"), ("GET", "/api/audit"), ("GET", "/api/usage"), ("GET", "/api/devices")}


class World:
    """Everybody, with what they come with."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.who = {
            name: relay.person(title, owner=name == "relay_owner")
            for name, title in {
                "relay_owner": "Root", "his_owner": "Hilda-the-owner", "his_viewer": "Vera-the-viewer",
                "other_owner": "Otto", "stranger": "Stan", "removed_person": "Gone", "ended_session": "Ed",
                "expired_session": "Max",
            }.items()
        }  # fmt: skip
        people = self.who
        self.device = relay.device("Kitchen-of-Hilda", people["his_owner"], viewers=(people["his_viewer"],))
        self.other = relay.device("Attic-of-Otto", people["other_owner"])
        self.revoked = relay.device("Lost-of-Otto", people["other_owner"])
        self.headers = {name: self._headers(name) for name in EVERYONE}
        self._take_away()
        self.ids = {
            "device": self.device.id, "person": people["his_viewer"].id, "passkey": "planted-passkey",
            "holder": "planted-holder", "call": "rtc_planted", "name": "index.html",
        }  # fmt: skip

    def _headers(self, name: str) -> dict[str, str]:
        relay = self.relay
        page = {"origin": relay.url, "x-edge-voice": "1"}
        if name in self.who:
            return {**page, "cookie": f"edge-voice={relay.session(self.who[name])}"}
        tokens = {
            "his_device": lambda: relay.token("device", self.device.id),
            "other_device": lambda: relay.token("device", self.other.id),
            "revoked_device": lambda: relay.token("device", self.revoked.id),
            "expired_device_token": lambda: relay.token("device", self.device.id, 0.0),
            "client": lambda: relay.token("client", "robot"),
            "revoked_client": lambda: relay.token("client", "revoked"),
            "fleet": relay.fleet_token,
            "wrong_token": lambda: "evc_" + "x" * 43,
        }
        if name in tokens:
            return {"authorization": f"Bearer {tokens[name]()}"}
        return {**page, **({"cookie": "edge-voice=" + "x" * 32} if name == "wrong_cookie" else {})}

    def _take_away(self) -> None:
        def write(db: Any) -> None:
            remove(db, self.who["removed_person"].id)
            hers = codes.digest(self.headers["ended_session"]["cookie"].partition("=")[2])
            db.execute("DELETE FROM sessions WHERE hash = ?", (hers,))
            db.execute("UPDATE sessions SET expires = 1 WHERE person = ?", (self.who["expired_session"].id,))
            db.execute("DELETE FROM tokens WHERE holder = 'revoked'")
            db.execute("UPDATE devices SET revoked = 1 WHERE id = ?", (self.revoked.id,))

        self.relay.house.store.do(write)

    def plant(self) -> None:
        """What a request may take away, there again."""

        def write(db: Any) -> None:
            viewer, owner = self.who["his_viewer"], self.who["his_owner"]
            db.execute("INSERT OR IGNORE INTO people (id, name, created) VALUES (?, ?, 1)", (viewer.id, viewer.name))
            db.execute("UPDATE devices SET revoked = NULL, name = ? WHERE id = ?", (PLANTED[0], self.device.id))
            for who, role in ((viewer, "viewer"), (owner, "owner")):
                db.execute("INSERT OR IGNORE INTO access VALUES (?, ?, ?)", (who.id, self.device.id, role))
            for name in PEOPLE:
                cookie = self.headers[name]["cookie"].partition("=")[2]
                db.execute(
                    "INSERT OR IGNORE INTO sessions VALUES (?, ?, 1, 1, 9e9)", (codes.digest(cookie), self.who[name].id)
                )
            db.execute(
                "INSERT OR IGNORE INTO passkeys VALUES ('planted-passkey', ?, x'00', 0, 'x', 1, NULL), "
                "('another-passkey', ?, x'00', 0, 'x', 1, NULL)", (owner.id, owner.id),
            )  # fmt: skip
            token = codes.digest(self.headers["his_device"]["authorization"].partition(" ")[2])
            db.execute(
                "INSERT OR IGNORE INTO tokens (hash, kind, holder, name, created) VALUES "
                "('h', 'client', 'planted-holder', 'x', 1), (?, 'device', ?, 'x', 1)", (token, self.device.id),
            )  # fmt: skip

        self.relay.house.store.do(write)
        self.relay.house.audit.note(self.who["his_owner"], "tested", device=self.device.id)

    def fill(self, value: Any) -> Any:
        return value.replace("{device}", self.device.id) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    config = configured(requests_per_second=10_000, engine="local", links_per_address=1000)
    with running(tmp_path_factory.mktemp("relay"), config) as relay:
        yield World(relay)


def every_route(routes: list[BaseRoute], before: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(route, Mount):
            yield from every_route(list(route.routes), before + route.path)
            if not route.routes:
                yield "GET", f"{before}{route.path}/{{path}}"
        elif isinstance(route, WebSocketRoute):
            yield "WS", before + bare(route.path)
        else:
            assert isinstance(route, Route), route
            for method in (route.methods or {"GET"}) - {"HEAD"}:
                yield method, before + bare(route.path)


def bare(path: str) -> str:
    """Without the kinds of its parameters: {path:path} is {path}."""
    return "/".join(part.partition(":")[0] + "}" if ":" in part else part for part in path.split("/"))


def routes_of(relay: Relay) -> set[tuple[str, str]]:
    return {one for part in parts() for one in every_route(part.routes(relay.house))}


def test_every_route_has_an_entry(world: World) -> None:
    found = routes_of(world.relay)
    assert found - TABLE.keys() == set(), "a route that is new needs an entry in TABLE: who may use it?"
    assert TABLE.keys() - found == set(), "these are gone"


def ask(world: World, name: str, method: str, path: str, entry: Entry) -> tuple[int, str]:
    """Status and words of the answer, or 101 for a socket that was accepted."""
    place = path.format(**world.ids)
    headers = world.headers[name]
    if method == "WS":
        given = {key.title(): value for key, value in headers.items() if key != "x-edge-voice"}
        try:
            with connect(f"{world.relay.ws}{place}?model=x", additional_headers=given, open_timeout=10):
                return 101, ""
        except InvalidStatus as refused:
            return refused.response.status_code, (refused.response.body or b"").decode()
    body = {key: world.fill(value) for key, value in entry.json.items()}
    outside = {"x-forwarded-for": "198.51.100.1"}
    answer = httpx.request(method, world.relay.url + place, headers={**headers, **outside}, timeout=20,
                           json=body if method in {"POST", "PATCH"} else None)  # fmt: skip
    return answer.status_code, answer.text


@pytest.mark.parametrize("name", EVERYONE)
@pytest.mark.parametrize(("method", "path"), sorted(TABLE), ids=[" ".join(one) for one in sorted(TABLE)])
def test_only_who_may_gets_in(world: World, name: str, method: str, path: str) -> None:
    entry = TABLE[method, path]
    world.plant()
    world.relay.forget_attempts()
    status, words = ask(world, name, method, path, entry)
    assert status != 500, words
    if name in entry.may:
        assert entry is ANYONE or status not in {401, 403}, words
    else:
        assert status in {401, 403, 404}, words
    if name not in HIS and path not in {"/api/people", "/api/fleet/devices"}:
        assert not [one for one in (*PLANTED, world.device.id) if one in words], words


@pytest.mark.parametrize("name", ["other_owner", "stranger"])
@pytest.mark.parametrize(("method", "path"), sorted(OWN_PART))
def test_lists_hold_ones_own_part_alone(world: World, name: str, method: str, path: str) -> None:
    world.plant()
    world.relay.house.audit.note(world.who["other_owner"], "tested", device=world.other.id)
    _, words = ask(world, name, method, path, TABLE[method, path])
    assert world.device.id not in words
    if path != "/api/usage":  # nothing has been used
        assert (world.other.id in words) == (name == "other_owner")


def test_a_new_route_without_an_entry_is_found(world: World) -> None:
    """The walk sees routes of every kind."""

    async def nothing(*_: object) -> None: ...

    added: list[BaseRoute] = [
        Route("/new/{name:path}", nothing, methods=["PUT"]),
        WebSocketRoute("/socket", nothing),
        Mount("/under", routes=[Route("/one", nothing)]),
    ]
    assert set(every_route(added)) == {("PUT", "/new/{name}"), ("WS", "/socket"), ("GET", "/under/one")}
