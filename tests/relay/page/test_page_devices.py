"""A device on the page: paired by its code, seen live, commanded; its link is the real one, the device scripted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from edge.host.link_session import Session
from tests.relay.devices.linked import Box
from tests.relay.page.browsing import Visit, chromium, visit
from tests.relay.rig import Relay, configured, running

pytestmark = pytest.mark.browser

SETTINGS = {
    "conversation.follow_up_s": {"value": 6.0, "low": 0, "high": 120, "about": "how long to go on listening"},
    "sounds.start": {"value": True, "low": None, "high": None, "about": "a chime"},
}


class Kitchen:
    """A device in a thread."""

    def __init__(self, folder: Path, url: str) -> None:
        self.box = Box(folder, url, transcripts=True)
        self.box.answers = {
            "settings": lambda given: {"settings": SETTINGS},
            "timers": lambda _: {"timers": [{"name": "tea", "seconds": 180, "left_s": 42.2}]},
            "volume": lambda percent: {"percent": percent},
        }
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="device")
        self._thread.start()
        self.do(self.box.link.open)

    def do(self, work: Any, *given: Any) -> Any:
        async def run() -> Any:
            return work(*given)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    @property
    def session(self) -> Session:
        """Its link, which is there."""
        found = self.box.link._session
        assert found is not None
        return found

    def did(self, command: str) -> bool:
        return (command, None) in self.box.done

    def tell(self, event: str, **fields: Any) -> None:
        self.do(self.box.link.published, event, fields)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.box.link.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    with running(tmp_path, configured(engine="local")) as found:
        yield found


@pytest.fixture
def kitchen(tmp_path: Path, relay: Relay) -> Iterator[Kitchen]:
    found = Kitchen(tmp_path / "device", relay.url)
    yield found
    found.close()


def paired(page: Visit, kitchen: Kitchen) -> None:
    """By the code that the device shows."""
    kitchen.do(kitchen.box.link.pair)
    page.relay.until(lambda: bool(kitchen.box.said))
    page.open("devices")
    page.see("#device-list", "No devices yet.")
    page.page.fill("#pair-code", "ABCDEF")
    page.page.click("#pair button")
    page.see("#notice", "This code is wrong, or too old. Ask the device for a new one.")
    page.page.fill("#pair-code", str(kitchen.do(kitchen.box.link.shown)["code"]).lower())
    page.page.click("#pair button")
    page.see("#device-name", "Kitchen")


def test_a_device_is_paired_watched_and_commanded(browser: Browser, relay: Relay, kitchen: Kitchen) -> None:
    with visit(browser, relay, relay.person("Ada", owner=True)) as page:
        paired(page, kitchen)
        page.see("#device-state", "Idle.")
        kitchen.tell("state", state="listening")
        page.see("#device-state", "Listening.")
        kitchen.tell("user_transcript", text="a secret", final=True)
        kitchen.tell("turn", kind="voice", latency_ms={"first_sound": 830}, said_s=1.0)
        page.see("#device-log", "Answered after 0.8 s.")
        assert "secret" not in page.text("#device-log")  # until its owner allows it
        page.page.click("#device-config summary")
        page.page.check("#device-words")
        page.page.locator("#device-settings input[type=number]").fill("8")
        page.page.locator("#device-settings input[type=number]").blur()
        relay.until(lambda: ("settings", {"conversation.follow_up_s": 8}) in kitchen.box.done)
        page.page.fill("#device-called", "Galley")
        page.page.click("#device-rename button")
        page.see("#device-name", "Galley")
        relay.until(lambda: kitchen.session.terms.words)
        for text in ("What is", "What is the time?"):
            kitchen.tell("user_transcript", text=text, final=text.endswith("?"))
        for text in ("It is ", "nine."):
            kitchen.tell("reply_transcript", text=text)
        page.see("#device-log", "It is nine.")
        assert page.page.locator("#device-log p.me").all_inner_texts() == ["Person\nWhat is the time?"]
        for command in ("press", "mute", "forget", "timers", "restart"):
            page.page.click(f"#device-{command}")
            if command in {"forget", "restart"}:
                page.page.click("#ask-yes")
            relay.until(partial(kitchen.did, command))
        page.see("#device-log", "tea: 42 s")
        kitchen.tell("mute", on=True)
        page.see("#device-state", "Muted.")
        page.page.click("#device-mute")
        relay.until(lambda: ("unmute", None) in kitchen.box.done)
        page.page.fill("#device-text", "Dinner is ready")
        page.page.click("button[value=ask]")
        relay.until(lambda: ("ask", "Dinner is ready") in kitchen.box.done)
        page.page.locator("#device-volume").fill("35")
        relay.until(lambda: ("volume", 35) in kitchen.box.done)
        page.until("document.querySelector('#device-level').value > 30")  # -33 dBFS
        assert page.problems == []


def test_a_device_that_goes_offline_comes_back_and_is_removed(browser: Browser, relay: Relay, kitchen: Kitchen) -> None:
    with visit(browser, relay, relay.person("Ada", owner=True)) as page:
        paired(page, kitchen)
        page.see("#device-state", "Idle.")
        kitchen.do(kitchen.session.hang_up)
        page.see("#device-state", "Offline.")
        kitchen.do(kitchen.box.link.hurry)
        page.see("#device-state", "Idle.")
        viewer = relay.person("Bob")
        relay.house.store.do(
            lambda db: db.execute("INSERT INTO access VALUES (?, ?, 'viewer')", (viewer.id, kitchen.box.id))
        )
        with visit(browser, relay, viewer) as bob:
            bob.open(f"device={kitchen.box.id}")
            bob.see("#device-state", "Idle.")
            bob.page.click("#device-timers")
            bob.see("#device-log", "tea: 42 s")
            expect(bob.page.locator("#device-restart")).to_have_count(0)
            page.page.click("summary:has-text('People')")
            page.page.click("#device-remove")
            page.page.click("#ask-yes")
            page.see("#device-list", "No devices yet.")
            bob.see("#notice", "This device has been removed.")
