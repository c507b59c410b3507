"""How people come in: set-up, passwords, invitations, tickets; and what they may do with each other."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from edge.relay.app import parts
from edge.relay.house import House
from edge.relay.people.links import setup_link
from edge.relay.people.repository import LONGEST_NAME, tidy
from edge.relay.refused import Refused
from tests.relay.rig import Relay, configured, running

GOOD = "correct horse"


class Hello:
    """A socket that says who has come."""

    @staticmethod
    def routes(house: House) -> list[BaseRoute]:
        async def hello(websocket: WebSocket) -> None:
            who = await house.doors.need(websocket)
            await websocket.accept()
            await websocket.send_text(who.name)
            await websocket.close()

        return [WebSocketRoute("/hello", hello), WebSocketRoute("/other", hello)]


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    patch = pytest.MonkeyPatch()
    patch.setattr("edge.relay.people.passwords.COST", 6)  # see test_passwords for the real one
    found = [*parts(), Hello]
    patch.setattr("edge.relay.app.parts", lambda: found)
    with running(tmp_path_factory.mktemp("relay"), configured(requests_per_second=10_000)) as started:
        yield started
    patch.undo()


@pytest.fixture(autouse=True)
def afresh(relay: Relay) -> None:
    relay.forget_attempts()

    def empty(db: object) -> None:
        for table in ("people", "codes", "devices", "audit", "tokens"):
            db.execute(f"DELETE FROM {table}")  # type: ignore[attr-defined]  # a connection

    relay.house.store.do(empty)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["error"]["code"])


@contextmanager
def owner(relay: Relay) -> Iterator[httpx.Client]:
    """Ada, set up by the link, and signed in."""
    link = setup_link(relay.house.store, relay.url)
    with relay.visitor() as client:
        given = {"code": link.partition("=")[2], "name": "Ada", "password": GOOD}
        answer = client.post("/api/setup", json=given)
        assert answer.status_code == 201, answer.text
        yield client


@contextmanager
def invited(relay: Relay, link: str, name: str) -> Iterator[httpx.Client]:
    """Somebody who has followed an invitation."""
    with relay.visitor() as client:
        given = {"code": link.partition("#invite=")[2], "name": name, "password": GOOD}
        answer = client.post("/api/invites/accept", json=given)
        assert answer.status_code == 201, answer.text
        yield client


# --- the owner ------------------------------------------------------------------------------------------


def test_the_links_holder_becomes_the_owner_once(relay: Relay) -> None:
    link = setup_link(relay.house.store, relay.url)
    given = {"code": link.partition("#setup=")[2], "name": "  Ada   Lovelace ", "password": GOOD}
    with relay.visitor() as client, relay.visitor() as other:
        answer = client.post("/api/setup", json=given)
        assert answer.status_code == 201
        assert answer.json()["person"]["name"] == "Ada Lovelace"
        assert client.get("/api/me").json()["person"]["owner"] is True
        assert code(other.post("/api/setup", json={**given, "name": "Eve"})) == (403, "wrong_code")
        assert other.get("/api/me").status_code == 401


def test_a_newer_link_ends_the_older(relay: Relay) -> None:
    old = setup_link(relay.house.store, relay.url)
    setup_link(relay.house.store, relay.url)
    with relay.visitor() as client:
        answer = client.post("/api/setup", json={"code": old.partition("=")[2], "name": "Ada"})
        assert code(answer) == (403, "wrong_code")


@pytest.mark.parametrize(
    ("password", "refused"), [("short", "wrong_password_length"), ("a" * 201, "wrong_password_length"),
                              ("aaaaaaaaaaaa", "weak_password")]
)  # fmt: skip
def test_a_password_that_is_none_costs_nobody_their_link(relay: Relay, password: str, refused: str) -> None:
    link = setup_link(relay.house.store, relay.url)
    given = {"code": link.partition("=")[2], "name": "Ada"}
    with relay.visitor() as client:
        assert code(client.post("/api/setup", json={**given, "password": password})) == (422, refused)
        assert client.post("/api/setup", json={**given, "password": GOOD}).status_code == 201


def test_codes_cannot_be_guessed_for_long(relay: Relay) -> None:
    with relay.visitor() as client:
        answers = [client.post("/api/setup", json={"code": str(n), "name": "Eve"}) for n in range(12)]
        assert code(answers[0]) == (403, "wrong_code")
        assert code(answers[-1]) == (429, "too_often")
        assert int(answers[-1].headers["retry-after"]) >= 1


# --- passwords -------------------------------------------------------------------------------------------


def test_a_password_signs_in_whatever_the_letters_of_the_name(relay: Relay) -> None:
    with owner(relay), relay.visitor() as client:
        for name in ("Ada", "ada", "ADA"):
            assert client.post("/api/login", json={"name": name, "password": GOOD}).status_code == 200
        assert client.get("/api/me").json()["person"]["name"] == "Ada"


def test_all_that_can_be_wrong_sounds_the_same(relay: Relay) -> None:
    relay.person("Nopassword")
    with owner(relay), relay.visitor() as client:
        wrong = [("Ada", "wrong horse"), ("Nobody", GOOD), ("Nopassword", GOOD), ("Nopassword", "")]
        answers = [client.post("/api/login", json={"name": n, "password": p or "x"}) for n, p in wrong]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.text for answer in answers}) == 1
        assert not client.cookies


def test_attempts_at_one_name_are_counted_wherever_they_come_from(relay: Relay) -> None:
    relay.person("Ada")
    with running_behind_proxy(relay) as client:
        found = []
        for number in range(40):
            from_ = {"x-forwarded-for": f"198.51.100.{number}"}
            given = {"name": "ADA" if number % 2 else "ada", "password": "wrong"}
            found.append(client.post("/api/login", json=given, headers=from_).status_code)
        assert found[0] == 401
        assert 429 in found[30:]
        assert client.post("/api/login", json={"name": "Bob", "password": "x"},
                           headers={"x-forwarded-for": "203.0.113.1"}).status_code == 401  # fmt: skip


def running_behind_proxy(relay: Relay) -> httpx.Client:
    """As if 127.0.0.1 were a proxy of ours; the rules are the running relay's."""
    from edge.relay.addresses import networks

    guard = relay.server.config.app
    object.__setattr__(guard._rules, "proxies", networks(["127.0.0.1"]))  # type: ignore[union-attr]  # our own Guard
    return relay.visitor()


def test_a_new_password_ends_the_other_sessions(relay: Relay) -> None:
    with owner(relay) as here, relay.visitor() as there:
        there.post("/api/login", json={"name": "Ada", "password": GOOD})
        wrong = here.post("/api/password", json={"old": "wrong horse", "new": "battery staple"})
        assert code(wrong) == (403, "wrong_password")
        assert here.post("/api/password", json={"old": GOOD, "new": "battery staple"}).status_code == 200
        assert here.get("/api/me").status_code == 200
        assert there.get("/api/me").status_code == 401
        assert there.post("/api/login", json={"name": "Ada", "password": GOOD}).status_code == 401
        assert there.post("/api/login", json={"name": "Ada", "password": "battery staple"}).status_code == 200


def test_signing_out_ends_the_session_itself(relay: Relay) -> None:
    with owner(relay) as client:
        cookie = dict(client.cookies)
        assert client.post("/api/logout").status_code == 200
        with relay.visitor() as stale:
            stale.cookies.update(cookie)
            assert stale.get("/api/me").status_code == 401


def test_a_body_that_comes_too_slowly_is_refused(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.relay.guard.BODY_S", 0.4)
    head = (
        f"POST /api/login HTTP/1.1\r\nhost: 127.0.0.1:{relay.port}\r\norigin: {relay.url}\r\nx-edge-voice: 1\r\n"
        "content-type: application/json\r\ncontent-length: 100\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", relay.port), timeout=10) as line:
        line.sendall(head.encode())
        said = line.recv(65536)
        assert said.startswith(b"HTTP/1.1 408")
        assert b"too_slow" in said


# --- invitations --------------------------------------------------------------------------------------------


def test_an_invitation_lets_one_person_see_one_device(relay: Relay) -> None:
    with owner(relay) as ada:
        kitchen, attic = relay.device("kitchen"), relay.device("attic")
        link = ada.post("/api/invites", json={"role": "viewer", "device": kitchen.id}).json()["link"]
        assert link.startswith(f"{relay.url}/#invite=")
        with invited(relay, link, "Vera") as vera:
            assert vera.get("/api/me").json()["devices"] == [{"id": kitchen.id, "name": "kitchen", "role": "viewer"}]
            assert attic.id not in vera.get("/api/me").text
        with relay.visitor() as eve:
            given = {"code": link.partition("#invite=")[2], "name": "Eve"}
            assert code(eve.post("/api/invites/accept", json=given)) == (403, "wrong_code")


def test_an_owner_of_a_device_invites_to_it_alone(relay: Relay) -> None:
    otto = relay.person("Otto")
    kitchen, attic = relay.device("kitchen", otto), relay.device("attic")
    with relay.visitor(otto) as client:
        assert client.post("/api/invites", json={"role": "owner", "device": kitchen.id}).status_code == 201
        assert code(client.post("/api/invites", json={"role": "viewer", "device": attic.id})) == (404, "no_such_device")
        assert code(client.post("/api/invites", json={"role": "viewer"})) == (403, "owners_only")
        assert code(client.post("/api/invites", json={"role": "king", "device": kitchen.id})) == (400, "wrong_request")


def test_who_is_signed_in_gets_more_and_never_less(relay: Relay) -> None:
    with owner(relay) as ada:
        otto = relay.person("Otto")
        kitchen = relay.device("kitchen", otto)
        for role in ("viewer", "owner"):
            link = ada.post("/api/invites", json={"role": role, "device": kitchen.id}).json()["link"]
            with relay.visitor(otto) as client:
                taken = client.post("/api/invites/accept", json={"code": link.partition("#invite=")[2]})
                assert taken.status_code == 200
                assert client.get("/api/me").json()["devices"][0]["role"] == "owner"


def test_an_invitation_to_the_relay_makes_another_owner(relay: Relay) -> None:
    with owner(relay) as ada:
        link = ada.post("/api/invites", json={"role": "owner"}).json()["link"]
        with invited(relay, link, "Bob") as bob:
            assert bob.get("/api/me").json()["person"]["owner"] is True


def test_a_name_is_had_once(relay: Relay) -> None:
    with owner(relay) as ada:
        link = ada.post("/api/invites", json={"role": "viewer"}).json()["link"]
        with relay.visitor() as eve:
            given = {"code": link.partition("#invite=")[2], "name": "ADA"}
            assert code(eve.post("/api/invites/accept", json=given)) == (409, "name_taken")
            assert eve.post("/api/invites/accept", json={**given, "name": "Eve"}).status_code == 201


def test_an_invitation_goes_with_who_made_it(relay: Relay) -> None:
    with owner(relay) as ada:
        link = ada.post("/api/invites", json={"role": "owner"}).json()["link"]
        with invited(relay, link, "Bob") as bob:
            his = bob.post("/api/invites", json={"role": "owner"}).json()["link"]
            me = bob.get("/api/me").json()["person"]["id"]
        assert ada.delete(f"/api/people/{me}").status_code == 200
        with relay.visitor() as eve:
            answer = eve.post("/api/invites/accept", json={"code": his.partition("#invite=")[2], "name": "Eve"})
            assert code(answer) == (403, "wrong_code")


@given(st.text())
def test_a_name_is_a_line_that_can_be_seen(text: str) -> None:
    found = ""
    with suppress(Refused):
        found = tidy(text)
    assert found.isprintable()
    assert found == " ".join(found.split())
    assert len(found) <= LONGEST_NAME
    if found:
        assert tidy(found) == found


@pytest.mark.parametrize("name", ["", "   ", "\u200b", "x" * (LONGEST_NAME + 1), 7, None, ["Ada"]])
def test_what_is_no_name_is_refused(name: object) -> None:
    with pytest.raises(Refused) as caught:
        tidy(name)
    assert caught.value.status == 422


# --- people and books ---------------------------------------------------------------------------------------


def test_who_is_removed_is_out_at_once(relay: Relay) -> None:
    with owner(relay) as ada:
        link = ada.post("/api/invites", json={"role": "viewer"}).json()["link"]
        with invited(relay, link, "Bob") as bob:
            shown = {one["name"]: one for one in ada.get("/api/people").json()["people"]}
            assert (shown["Ada"]["owner"], shown["Bob"]["owner"], shown["Bob"]["password"]) == (True, False, True)
            assert "scrypt" not in str(shown)
            assert ada.delete(f"/api/people/{shown['Bob']['id']}").status_code == 200
            assert bob.get("/api/me").status_code == 401
            assert bob.post("/api/login", json={"name": "Bob", "password": GOOD}).status_code == 401
        last = ada.delete(f"/api/people/{shown['Ada']['id']}")
        assert code(last) == (409, "last_owner")


def test_what_happened_is_written_down_without_secrets(relay: Relay) -> None:
    with owner(relay) as ada:
        ada.post("/api/tokens", json={"name": "probe"})
        ada.post("/api/login", json={"name": "Ada", "password": "wrong horse"})
        found = ada.get("/api/audit").json()["entries"]
        assert [one["what"] for one in found] == ["login_failed", "token_made", "owner_set_up"]
        assert found[1]["name"] == "Ada"
        assert "horse" not in str(found)
        assert "evc_" not in str(found)
        older = ada.get(f"/api/audit?before={found[0]['id']}&most=1").json()["entries"]
        assert [one["what"] for one in older] == ["token_made"]
        for wrong in ("before=x", "before=-1", "most=0", "most=201", "most=" + "9" * 3000):
            assert ada.get(f"/api/audit?{wrong}").status_code == 400


def test_a_programs_token_is_good_until_it_is_revoked(relay: Relay) -> None:
    with owner(relay) as ada:
        made = ada.post("/api/tokens", json={"name": "probe"}).json()
        outside = {"x-forwarded-for": "198.51.100.9"}
        with relay.program(made["token"]) as program:
            assert program.get("/metrics", headers=outside).status_code == 200
            assert program.get("/api/me").status_code == 403
            assert [one["name"] for one in ada.get("/api/tokens").json()["tokens"]] == ["probe"]
            assert ada.post("/api/tokens", json={"name": "x", "scope": "all"}).status_code == 400
            assert ada.delete(f"/api/tokens/{made['id']}").status_code == 200
            assert program.get("/metrics", headers=outside).status_code == 401


# --- tickets --------------------------------------------------------------------------------------------------


def hello(relay: Relay, path: str, **headers: str) -> str:
    with connect(f"{relay.ws}{path}", additional_headers={k.title(): v for k, v in headers.items()}) as websocket:
        return str(websocket.recv())


def refused(relay: Relay, path: str, **headers: str) -> int:
    with pytest.raises(InvalidStatus) as caught:
        hello(relay, path, **headers)
    return caught.value.response.status_code


def test_a_ticket_opens_its_socket_once(relay: Relay) -> None:
    with relay.visitor(relay.person("Ada")) as ada:
        ticket = ada.post("/api/tickets", json={"path": "/hello"}).json()["ticket"]
        other = ada.post("/api/tickets", json={"path": "/hello"}).json()["ticket"]
    assert hello(relay, f"/hello?ticket={ticket}") == "Ada"
    assert refused(relay, f"/hello?ticket={ticket}") == 401
    assert refused(relay, f"/other?ticket={other}") == 401
    assert refused(relay, f"/hello?ticket={other}") == 401  # used up by the attempt at another path


def test_a_ticket_runs_out(relay: Relay) -> None:
    with relay.visitor(relay.person("Ada")) as ada:
        ticket = ada.post("/api/tickets", json={"path": "/hello"}).json()["ticket"]
    relay.house.store.do(lambda db: db.execute("UPDATE codes SET expires = 1"))
    assert refused(relay, f"/hello?ticket={ticket}") == 401


def test_a_ticket_is_no_session_for_http(relay: Relay) -> None:
    with relay.visitor(relay.person("Ada")) as ada, relay.visitor() as other:
        ticket = ada.post("/api/tickets", json={"path": "/api/me"}).json()["ticket"]
        assert other.get(f"/api/me?ticket={ticket}").status_code == 401


def test_a_sockets_cookie_counts_only_from_our_own_page(relay: Relay) -> None:
    """Without Origin nobody can tell which page a browser was on; a program has a token."""
    headers = relay.socket_headers(relay.person("Ada"))
    assert hello(relay, "/hello", **headers) == "Ada"
    assert refused(relay, "/hello", Cookie=headers["Cookie"]) == 401
    assert refused(relay, "/hello", **{**headers, "Origin": "null"}) == 403
