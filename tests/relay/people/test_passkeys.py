"""Passkeys, with an authenticator in software."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.relay.doors import Who
from tests.relay.authenticator import Authenticator, b64
from tests.relay.rig import Relay, configured, running


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    with running(tmp_path_factory.mktemp("relay"), configured(requests_per_second=10_000)) as started:
        yield started


@pytest.fixture(autouse=True)
def afresh(relay: Relay) -> None:
    relay.forget_attempts()
    relay.house.store.do(lambda db: db.execute("DELETE FROM people"))


@pytest.fixture
def ada(relay: Relay) -> Who:
    return relay.person("Ada")


def page(relay: Relay, who: Who | None = None) -> httpx.Client:
    """The relay's page by its name: under a bare address a browser has no passkeys."""
    own = f"http://localhost:{relay.port}"
    cookies = {relay.house.doors.cookie: relay.session(who)} if who else {}
    headers = {"origin": own, "x-edge-voice": "1", "host": f"localhost:{relay.port}"}
    return httpx.Client(base_url=relay.url, headers=headers, cookies=cookies, timeout=10)


def make(relay: Relay) -> Authenticator:
    return Authenticator(f"http://localhost:{relay.port}")


def register(client: httpx.Client, key: Authenticator, **more: Any) -> httpx.Response:
    options = client.post("/api/passkeys/register/begin").json()
    return client.post("/api/passkeys/register/finish", json={"credential": key.create(options), **more})


def login(client: httpx.Client, key: Authenticator) -> httpx.Response:
    options = client.post("/api/passkeys/login/begin").json()
    return client.post("/api/passkeys/login/finish", json={"credential": key.get(options)})


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["error"]["code"])


def test_a_passkey_signs_in(relay: Relay, ada: Who) -> None:
    key = make(relay)
    with page(relay, ada) as client:
        assert register(client, key, label="phone").status_code == 201
        (shown,) = client.get("/api/passkeys").json()["passkeys"]
        assert (shown["label"], shown["id"], shown["used"]) == ("phone", b64(key.id), None)
    with page(relay) as client:
        answer = login(client, key)
        assert answer.json()["person"] == {"id": ada.id, "name": "Ada", "owner": False}
        assert client.get("/api/me").json()["person"]["id"] == ada.id
        assert client.get("/api/passkeys").json()["passkeys"][0]["used"]


def test_what_is_asked_for_is_a_key_that_is_found_without_a_name_and_verifies_its_person(
    relay: Relay, ada: Who
) -> None:
    with page(relay, ada) as client:
        register(client, make(relay))
        options = client.post("/api/passkeys/register/begin").json()
        assert options["rp"]["id"] == "localhost"
        assert options["authenticatorSelection"]["residentKey"] == "required"
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert len(options["excludeCredentials"]) == 1


@pytest.mark.parametrize("wrong", ["page", "name", "unverified", "key"])
def test_one_that_does_not_prove_itself_is_refused(relay: Relay, ada: Who, wrong: str) -> None:
    key = make(relay)
    with page(relay, ada) as client:
        register(client, key)
    other = make(relay)
    other.id, other.key = key.id, other.key if wrong == "key" else key.key
    if wrong == "page":  # a page that looks like ours, and passes on what it is told
        other.origin = "http://localhost.evil.example"
    elif wrong == "name":
        other.name = "evil.example"
    elif wrong == "unverified":
        other.flags = make(relay).flags & ~0x04
    with page(relay) as client:
        assert code(login(client, other)) == (401, "passkey_refused")
        assert client.get("/api/me").status_code == 401


def test_one_that_is_not_known_is_refused(relay: Relay) -> None:
    with page(relay) as client:
        assert code(login(client, make(relay))) == (401, "unknown_passkey")


def test_a_copied_key_is_found_out_by_its_count(relay: Relay, ada: Who) -> None:
    key = make(relay)
    with page(relay, ada) as client:
        register(client, key)
    with page(relay) as client:
        for _ in range(3):
            assert login(client, key).status_code == 200
        key.uses = 1
        assert code(login(client, key)) == (401, "passkey_refused")


def test_an_answer_is_good_once(relay: Relay, ada: Who) -> None:
    key = make(relay)
    with page(relay, ada) as client:
        register(client, key)
    with page(relay) as client:
        answer = key.get(client.post("/api/passkeys/login/begin").json())
        assert client.post("/api/passkeys/login/finish", json={"credential": answer}).status_code == 200
        replayed = client.post("/api/passkeys/login/finish", json={"credential": answer})
        assert code(replayed) == (400, "challenge_expired")


def test_a_challenge_of_one_person_is_none_for_another(relay: Relay, ada: Who) -> None:
    with page(relay, ada) as hers, page(relay, relay.person("Bob")) as his:
        options = hers.post("/api/passkeys/register/begin").json()
        credential = make(relay).create(options)
        answer = his.post("/api/passkeys/register/finish", json={"credential": credential})
        assert code(answer) == (400, "challenge_expired")


def test_a_challenge_for_signing_in_does_not_register(relay: Relay, ada: Who) -> None:
    with page(relay, ada) as client:
        options = client.post("/api/passkeys/login/begin").json()
        answer = client.post("/api/passkeys/register/finish", json={"credential": make(relay).create(options)})
        assert code(answer) == (400, "challenge_expired")


def test_anothers_passkey_cannot_be_taken_over(relay: Relay, ada: Who) -> None:
    """Somebody registers a credential with an id that is known already."""
    key, thief = make(relay), make(relay)
    with page(relay, ada) as client:
        register(client, key)
    thief.id = key.id
    with page(relay, relay.person("Eve")) as client:
        register(client, thief)
        assert client.get("/api/passkeys").json() == {"passkeys": []}
    with page(relay) as client:
        assert code(login(client, thief)) == (401, "passkey_refused")
        assert login(client, key).json()["person"]["name"] == "Ada"


def test_the_last_way_in_stays(relay: Relay, ada: Who) -> None:
    first, second = make(relay), make(relay)
    with page(relay, ada) as client:
        register(client, first)
        assert code(client.delete(f"/api/passkeys/{b64(first.id)}")) == (409, "last_way_in")
        register(client, second)
        assert client.delete(f"/api/passkeys/{b64(first.id)}").status_code == 200
    with page(relay) as client:
        assert code(login(client, first)) == (401, "unknown_passkey")
        assert login(client, second).status_code == 200


def test_there_are_none_under_a_bare_address(relay: Relay, ada: Who) -> None:
    with relay.visitor(ada) as client:
        assert code(client.post("/api/passkeys/register/begin")) == (409, "no_passkeys_here")
        assert code(client.post("/api/passkeys/login/begin")) == (409, "no_passkeys_here")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3), max_leaves=8,
)  # fmt: skip
PARTS = st.sampled_from(["clientDataJSON", "attestationObject", "authenticatorData", "signature"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_a_browser_answers_is_no_fault(relay: Relay, data: st.DataObject) -> None:
    relay.forget_attempts()
    with page(relay) as client:
        options = client.post("/api/passkeys/login/begin").json()
        credential: Any = data.draw(st.sampled_from([make(relay).get(options), make(relay).create(options)]) | JSON)
        if isinstance(credential, dict) and isinstance(credential.get("response"), dict):
            credential["response"][data.draw(PARTS)] = data.draw(JSON | st.binary(max_size=80).map(b64))
        answer = client.post("/api/passkeys/login/finish", json={"credential": credential})
        assert answer.status_code in {400, 401}, answer.text
