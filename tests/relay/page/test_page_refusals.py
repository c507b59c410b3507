"""What the page says when the microphone cannot be had, or the relay."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.relay.page.browsing import chromium, scripted, visit
from tests.relay.rig import configured, running

pytestmark = pytest.mark.browser

REFUSING = """(name) => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); }; }"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """It asks before it gives its microphone away, and nobody answers: which is a no."""
    with chromium(None, "--host-resolver-rules=MAP voice.example 127.0.0.1", "--deny-permission-prompts") as found:
        yield found


def test_a_microphone_that_is_refused_or_not_there(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path, configured(engine="local")) as relay, visit(browser, relay, relay.person("Ada")) as page:
        scripted(relay)
        page.open()
        page.page.click("#button")
        page.see("#notice", "The browser may not use the microphone. Allow it beside the address, then start again.")
        page.state("idle")
        for name, told in (
            ("NotFoundError", "No microphone was found. Plug one in, then start again."),
            ("NotReadableError", "The microphone is in use by another program, or switched off."),
            ("OverconstrainedError", "The chosen microphone is gone. Choose another under Settings."),
        ):
            page.page.evaluate(REFUSING, name)
            page.page.click("#button")
            page.see("#notice", told)
            page.state("idle")
        assert page.problems == []


def test_a_page_that_is_not_secure(browser: Browser, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    public = f"http://voice.example:{port}"
    config = configured(engine="local", listen=f"127.0.0.1:{port}", public_url=public)
    with running(tmp_path, config) as relay:
        scripted(relay)
        relay.url = public
        with visit(browser, relay, relay.person("Ada")) as page:
            page.open()
            page.page.click("#button")
            page.see("#notice", "Browsers give the microphone to secure pages only: open this one over https")


def test_a_relay_that_is_gone(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path, configured(engine="local")) as relay:
        scripted(relay)
        opened = visit(browser, relay, relay.person("Ada"), permissions=["microphone"])
        page = opened.__enter__()
        page.open()
    page.page.click("#button")
    page.see("#notice", "The relay cannot be reached. Is this device online?")
    page.page.click("nav >> text=Devices")
    page.see("#notice", "The relay cannot be reached.")
    opened.__exit__(None, None, None)
