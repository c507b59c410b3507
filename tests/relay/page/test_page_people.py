"""Coming in by the page: set-up link, password, passkey, invitation; and what the page says to those it turns away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from edge.relay.people.links import setup_link
from tests.relay.page.browsing import Visit, chromium, visit
from tests.relay.rig import Relay, configured, running

pytestmark = pytest.mark.browser

PASSWORD = "tulips and oxygen"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    with running(tmp_path, configured(engine="local")) as found:
        found.url = found.url.replace("127.0.0.1", "localhost")  # passkeys are for names
        yield found


def set_up(page: Visit) -> str:
    """The owner; gives the link that has been used."""
    link = setup_link(page.relay.house.store, page.relay.url)
    page.page.goto(link)
    page.see("#enter-title", "Welcome")
    page.page.fill("[name=name]", "Ada")
    page.page.fill("[name=password]", PASSWORD)
    page.page.click("#enter-button")
    page.page.locator("#talk").wait_for()
    return link


def enter(page: Visit, name: str, password: str) -> None:
    page.page.fill("[name=name]", name)
    page.page.fill("[name=password]", password)
    page.page.click("#enter-button")


def test_the_owners_link_works_once_and_the_password_from_then_on(browser: Browser, relay: Relay) -> None:
    with visit(browser, relay) as page:
        link = set_up(page)
        assert page.page.url == f"{relay.url}/#talk"  # the code is out of sight
        page.page.click("nav >> text=Account")
        page.see("#account-name", "You are Ada, an owner of this relay.")
        page.page.click("#logout")
        page.see("#enter-title", "Sign in")
        enter(page, "Ada", "tulips and nitrogen")
        page.see("#notice", "The name or the password is wrong.")
        enter(page, "Ada", PASSWORD)
        page.page.locator("#talk").wait_for()
        assert page.problems == []
    with visit(browser, relay) as page:
        page.page.goto(link)
        enter(page, "Eve", PASSWORD)
        page.see("#notice", "This link is not good any more. Please ask for a new one.")
        enter(page, "Eve", "short")
        page.see("#notice", "A password has 10 to 200 characters.")


def test_a_passkey(browser: Browser, relay: Relay) -> None:
    with visit(browser, relay) as page:
        set_up(page)
        chrome = page.context.new_cdp_session(page.page)
        chrome.send("WebAuthn.enable")
        chrome.send("WebAuthn.addVirtualAuthenticator", {"options": {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True}})  # fmt: skip
        page.page.click("nav >> text=Account")
        page.see("#passkeys", "None yet.")
        page.page.click("#passkey-add")
        page.see("#passkeys", "since")
        page.page.click("#passkey-add")
        page.see("#notice", "This device has a passkey here already.")
        page.page.click("#logout")
        page.page.click("#enter-passkey")
        page.page.locator("#talk").wait_for()
        page.page.click("nav >> text=Account")
        page.page.click("#passkeys button")
        page.see("#ask-text", "Remove")
        page.page.click("#ask-yes")
        page.see("#passkeys", "None yet.")
        assert page.problems == []


def test_another_person_is_invited_and_sees_what_is_theirs(browser: Browser, relay: Relay) -> None:
    with visit(browser, relay) as ada, visit(browser, relay) as bob:
        set_up(ada)
        kitchen = relay.device("Kitchen")
        relay.device("Bedroom")
        ada.open(f"device={kitchen.id}")
        ada.page.click("summary:has-text('People')")
        ada.page.click("#device-invite button")
        ada.see("#ask-more", "#invite=")
        link = ada.text("#ask-more")
        ada.page.click("#ask-yes")
        bob.page.goto(link.replace("127.0.0.1", "localhost"))
        enter(bob, "Bob", PASSWORD)
        bob.page.locator("#talk").wait_for()
        bob.page.click("nav >> text=Devices")
        bob.see("#device-list", "Kitchen")
        assert "Bedroom" not in bob.text("#device-list")
        bob.see("#device-list", "you may watch it")
        bob.page.click("#device-list a")
        bob.see("#device-state", "Offline.")
        for mark in ("#device-say", "#device-volume", "#device-remove", "#device-config", "#device-press"):
            expect(bob.page.locator(mark)).to_be_hidden()
        bob.page.click("nav >> text=Account")
        expect(bob.page.locator("#people-card")).to_be_hidden()
        ada.page.click("nav >> text=Account")
        ada.see("#people", "Bob")
        ada.page.click("#audit-card summary")
        ada.see("#audit", "invite accepted")
        ada.page.click("[aria-label='Remove Bob']")
        ada.page.click("#ask-yes")
        expect(ada.page.locator("#people")).not_to_contain_text("Bob")
        bob.page.click("nav >> text=Devices")
        bob.see("#enter-title", "Sign in")
        bob.page.goto(link.replace("127.0.0.1", "localhost"))
        bob.see("#enter-title", "Welcome")
        enter(bob, "Bob", PASSWORD)
        bob.see("#notice", "This link is not good any more.")
        assert ada.problems == bob.problems == []
