"""What no request gets past, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from edge.config import Config
from edge.relay.guard import BODY_BYTES, LONGEST_URL
from tests.relay.rig import Relay, configured, running

EVIL = ("http://evil.example", "null", "", "http://127.0.0.1", "https://127.0.0.1:{port}", "http://127.0.0.1:{port}/",
        "http://127.0.0.1:{port}.evil.example", "HTTP://127.0.0.1:{port}", "http://evil@127.0.0.1:{port}")  # fmt: skip


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    with running(tmp_path_factory.mktemp("relay"), configured(requests_per_second=10_000)) as started:
        yield started


@pytest.fixture(scope="module")
def ada(relay: Relay) -> Iterator[httpx.Client]:
    with relay.visitor(relay.person("Ada", owner=True)) as client:
        yield client


@pytest.fixture(autouse=True)
def afresh(relay: Relay) -> None:
    relay.forget_attempts()


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "localhost.evil.example:{port}"])
def test_another_host_is_refused(relay: Relay, ada: httpx.Client, host: str) -> None:
    """A name that an attacker has bound to our address (DNS rebinding)."""
    answer = ada.get("/api/me", headers={"host": host.format(port=relay.port)})
    assert (answer.status_code, code(answer)) == (403, "wrong_host")
    assert "Ada" not in answer.text


def test_each_of_its_names_is_good(relay: Relay, ada: httpx.Client) -> None:
    for name in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        assert ada.get("/api/me", headers={"host": f"{name}:{relay.port}"}).status_code == 200


def test_a_balancer_may_look_whether_it_is_well_by_any_name(ada: httpx.Client) -> None:
    assert ada.get("/healthz", headers={"host": "10.0.0.7"}).status_code == 200
    assert ada.get("/readyz", headers={"host": "10.0.0.7"}).json() == {"ok": True}


@pytest.mark.parametrize("origin", EVIL)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/me"), ("POST", "/api/logout"), ("DELETE", "/api/people/x")])
def test_a_page_from_elsewhere_is_refused(relay: Relay, ada: httpx.Client, method: str, path: str, origin: str) -> None:
    answer = ada.request(method, path, headers={"origin": origin.format(port=relay.port)})
    assert (answer.status_code, code(answer)) == (403, "wrong_origin")
    assert ada.get("/api/me").status_code == 200  # and nothing has happened


def test_two_origins_are_none(relay: Relay) -> None:
    headers = [("origin", relay.url), ("origin", "http://evil.example"), ("x-edge-voice", "1")]
    answer = httpx.post(f"{relay.url}/api/logout", headers=headers)
    assert (answer.status_code, code(answer)) == (403, "wrong_origin")


@pytest.mark.parametrize("missing", ["origin", "x-edge-voice"])
def test_a_change_without_mark_or_origin_is_refused(ada: httpx.Client, missing: str) -> None:
    """What a form or an image of another page can send along with the cookie."""
    headers = {name: value for name, value in ada.headers.items() if name != missing}
    with httpx.Client(base_url=ada.base_url, headers=headers, cookies=ada.cookies) as other:
        answer = other.post("/api/logout")
        assert (answer.status_code, code(answer)) == (403, "no_origin")
    assert ada.get("/api/me").status_code == 200


def test_a_token_that_is_no_good_does_not_let_the_cookie_in(ada: httpx.Client) -> None:
    answer = ada.post("/api/tickets", json={"path": "/x"}, headers={"authorization": "Bearer evc_wrong"})
    assert (answer.status_code, code(answer)) == (401, "not_signed_in")


@pytest.mark.parametrize("origin", EVIL)
def test_a_socket_from_elsewhere_is_refused_before_it_is_accepted(relay: Relay, origin: str) -> None:
    headers = {"Origin": origin.format(port=relay.port), "Cookie": f"edge-voice={relay.session(relay.person(origin))}"}
    with pytest.raises(InvalidStatus) as caught:
        connect(f"{relay.ws}/device", additional_headers=headers).close()
    assert caught.value.response.status_code == 403
    assert b"wrong_origin" in (caught.value.response.body or b"")


def test_every_answer_has_the_headers(relay: Relay, ada: httpx.Client) -> None:
    for answer in (ada.get("/api/me"), ada.get("/nothing"), ada.get("/healthz"), ada.post("/api/setup", content=b"x")):
        found = answer.headers
        policy = dict(part.strip().split(" ", 1) for part in found["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["worker-src"] == "'self'"
        assert policy["connect-src"] == f"'self' ws://127.0.0.1:{relay.port} ws://localhost:{relay.port}"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert "unsafe" not in found["content-security-policy"]
        assert found["x-content-type-options"] == "nosniff"
        assert found["referrer-policy"] == "no-referrer"
        assert found["cross-origin-resource-policy"] == "same-origin"
        assert found["cache-control"] == "no-store"
        assert "microphone=(self)" in found["permissions-policy"]
        assert len(found["x-request-id"]) == 16
        assert "access-control-allow-origin" not in found
        assert "server" not in found


def test_a_preflight_is_granted_nothing(ada: httpx.Client) -> None:
    asked = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    answer = ada.options("/api/logout", headers=asked)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_body_may_be_so_large(ada: httpx.Client) -> None:
    fits = b'{"code":"' + b"x" * (BODY_BYTES - 100) + b'"}'
    assert ada.post("/api/setup", content=fits, headers={"content-type": "application/json"}).status_code == 400
    answer = ada.post("/api/setup", content=b"x" * (BODY_BYTES + 1))
    assert (answer.status_code, code(answer)) == (413, "too_large")


def test_a_body_without_a_length_may_be_no_larger(ada: httpx.Client) -> None:
    try:
        answer = ada.post("/api/setup", content=(b"x" * 1000 for _ in range(BODY_BYTES // 1000 + 1)))
    except httpx.TransportError:  # the relay has hung up on a client that was still sending
        return
    assert (answer.status_code, code(answer)) == (413, "too_large")


def test_an_address_may_be_so_long(ada: httpx.Client) -> None:
    answer = ada.get("/api/me?" + "x" * LONGEST_URL)
    assert (answer.status_code, code(answer)) == (414, "address_too_long")


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"1", b"\xff", b"[" * 100_000, b'{"a":NaN}', b'{"a":1e999999}', b"9" * 10_000]
)
def test_what_is_no_object_is_refused(ada: httpx.Client, content: bytes) -> None:
    answer = ada.post("/api/setup", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, code(answer)) == (400, "wrong_request")


def test_a_form_is_no_json(ada: httpx.Client) -> None:
    """A form of another page can send text/plain with the cookie, without asking first."""
    answer = ada.post("/api/setup", content=b"{}", headers={"content-type": "text/plain"})
    assert (answer.status_code, code(answer)) == (400, "wrong_request")


def test_what_is_not_there_is_said_in_json(ada: httpx.Client) -> None:
    assert (ada.get("/nothing").status_code, code(ada.get("/nothing"))) == (404, "not_found")
    assert (ada.put("/api/me").status_code, code(ada.put("/api/me"))) == (405, "wrong_method")


def test_a_fault_of_ours_tells_nothing(relay: Relay, caplog: pytest.LogCaptureFixture, ada: httpx.Client) -> None:
    async def breaks(_: object) -> dict[str, object]:
        raise ZeroDivisionError("secret inside")

    relay.house.about.append(breaks)
    try:
        answer = ada.get("/api/me")
    finally:
        relay.house.about.remove(breaks)
    assert (answer.status_code, code(answer)) == (500, "fault")
    assert "inside" not in answer.text
    assert answer.headers["content-security-policy"]
    assert any("ZeroDivisionError" in str(record.exc_info) for record in caplog.records)


def test_a_flood_fills_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "edge-voice")
    with running(tmp_path, configured(requests_per_second=10_000)) as relay, relay.visitor() as client:
        for _ in range(200):
            client.get("/api/me")
        said = [message for message in caplog.messages if message.startswith("refused")]
        assert 50 <= len(said) < 100
        assert 'refused_total{reason="not_signed_in"} 200' in client.get("/metrics").text


def test_requests_come_at_a_rate(tmp_path: Path) -> None:
    with running(tmp_path, configured(requests_per_second=0.5)) as relay, relay.visitor() as client:
        answers = [client.get("/nothing") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [404, 404, 429, 429]
        assert code(answers[-1]) == "too_often"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 3
        assert client.get("/healthz").status_code == 200  # the balancer's look is not a visitor's


def test_behind_a_proxy_each_visitor_has_a_rate_of_their_own(tmp_path: Path) -> None:
    config = configured(requests_per_second=0.5, proxies=("127.0.0.1",))
    with running(tmp_path, config) as relay, relay.visitor() as client:

        def get(address: str) -> int:
            return client.get("/nothing", headers={"x-forwarded-for": f"203.0.113.77, {address}"}).status_code

        assert [get("198.51.100.1") for _ in range(3)] == [404, 404, 429]
        assert get("198.51.100.2") == 404
        assert [get(f"2001:db8:1:2::{n}") for n in range(3)] == [404, 404, 429]
        assert get("2001:db8:1:3::1") == 404


def test_nobody_becomes_somebody_else_by_a_header(tmp_path: Path) -> None:
    with running(tmp_path, configured(requests_per_second=0.5)) as relay, relay.visitor() as client:
        forged = [client.get("/nothing", headers={"x-forwarded-for": f"198.51.100.{n}"}) for n in range(3)]
        assert [answer.status_code for answer in forged] == [404, 404, 429]


# --- watching over it ----------------------------------------------------------------------------------


def test_metrics_are_for_this_machine_and_those_with_a_token(tmp_path: Path) -> None:
    with running(tmp_path) as relay, httpx.Client(base_url=relay.url) as client:
        assert "edge_voice_relay_requests_total" in client.get("/metrics").text
        for header in ("x-forwarded-for", "forwarded"):  # through a proxy on this machine
            assert client.get("/metrics", headers={header: "198.51.100.1"}).status_code == 401
        outside = {"x-forwarded-for": "198.51.100.1"}
        token = {"authorization": f"Bearer {relay.token('client', 'prometheus')}"}
        assert client.get("/metrics", headers=outside | token).status_code == 200
        ada, bob = relay.person("Ada", owner=True), relay.person("Bob")
        with relay.visitor(ada) as owner, relay.visitor(bob) as other:
            assert owner.get("/metrics", headers=outside).status_code == 200
            assert other.get("/metrics", headers=outside).status_code == 403


def test_it_is_not_ready_without_its_database(tmp_path: Path) -> None:
    with running(tmp_path) as relay, httpx.Client(base_url=relay.url) as client:
        assert client.get("/readyz").status_code == 200
        relay.house.store.do(lambda db: db.execute("ALTER TABLE people RENAME TO gone"))
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["ok"]) == (503, False)
        assert client.get("/healthz").status_code == 200


def test_it_is_not_ready_when_it_is_about_to_end(tmp_path: Path) -> None:
    with running(tmp_path) as relay, httpx.Client(base_url=relay.url) as client:
        relay.house.leaving.set()
        assert client.get("/readyz").status_code == 503


def test_what_was_refused_is_counted(tmp_path: Path) -> None:
    with running(tmp_path) as relay, httpx.Client(base_url=relay.url) as client:
        client.get("/api/me")
        client.get("/api/me", headers={"origin": "http://evil.example"})
        text = client.get("/metrics").text
        assert 'edge_voice_relay_refused_total{reason="not_signed_in"} 1' in text
        assert 'edge_voice_relay_refused_total{reason="wrong_origin"} 1' in text
        assert 'edge_voice_relay_requests_total{method="GET",status="403"} 1' in text


def test_under_tls_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    config = configured(replace(Config()), public_url="https://voice.example")
    with running(tmp_path, config) as relay, httpx.Client(base_url=relay.url) as client:
        relay.house.store.do(lambda db: db.execute("SELECT 1"))
        from edge.relay.people.links import setup_link

        link = setup_link(relay.house.store, relay.house.origins.own)
        headers = {"host": "voice.example", "origin": "https://voice.example", "x-edge-voice": "1"}
        given = {"code": link.partition("=")[2], "name": "Ada"}
        answer = client.post("/api/setup", json=given, headers=headers)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-edge-voice=")
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        assert answer.headers["strict-transport-security"]
        assert "wss://voice.example" in answer.headers["content-security-policy"]
