"""Chromium with a recording for a microphone, and people who use the page in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from edge.audio.convert import Samples
from edge.core.history import History
from edge.ports import Post
from edge.relay.doors import Who
from edge.relay.voice.desk import desk_of
from edge.relay.voice.own.engines import Engines
from edge.testing import Reply, ScriptedAgent
from tests.relay.rig import Relay
from tests.signals import recording

CHROMIUM = "/usr/bin/chromium"
SPEECH = Path(__file__).parents[2] / "data/speech"
MICROPHONE_RATE = 48_000
WAIT_MS = 20_000  # for what takes a moment on a quiet machine
FLAGS = (
    "--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns", "--allow-loopback-in-peer-connection",
)  # fmt: skip
ALLOW = "--use-fake-ui-for-media-stream"
# A page cannot know whether it is signed in but by asking, and Chromium writes down every answer of this kind.
REFUSED = "Failed to load resource: the server responded with a status of "


def spoken(path: Path, *parts: float | Samples) -> Path:
    """A file for the microphone: seconds of silence, and sound of 16 kHz. Chromium plays it over and over."""
    pieces = [np.zeros(round(part * 16_000), np.int16) if isinstance(part, float) else part for part in parts]
    soundfile.write(path, soxr.resample(np.concatenate(pieces), 16_000, MICROPHONE_RATE), MICROPHONE_RATE)
    return path


def words(name: str) -> Samples:
    """One of the recordings."""
    return recording(SPEECH / f"{name}.flac")


@contextmanager
def chromium(microphone: Path | None = None, *flags: str) -> Iterator[Browser]:
    """A browser that hears this file, or Chromium's own beeps. Without `ALLOW` among the flags it asks first."""
    heard = [f"--use-file-for-fake-audio-capture={microphone}"] if microphone else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *heard, *flags])
        expect.set_options(timeout=WAIT_MS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """Somebody's page. `problems` are what the browser complains about: scripts, policies, requests."""

    page: Page
    context: BrowserContext
    relay: Relay
    problems: list[str] = field(default_factory=list)

    def noted(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(REFUSED):
            self.problems.append(message.text)

    def open(self, view: str = "talk") -> None:
        """Signed in already, by the cookie."""
        self.page.goto(f"{self.relay.url}/#{view}")
        expect(self.page.locator("main section:not([hidden])")).to_be_visible()
        self.page.evaluate("import('/page/talk.js').then(({ talk }) => { window.talk = talk; })")

    def start(self) -> None:
        """A conversation."""
        self.page.click("#button")
        self.until("talk.ready")

    def state(self, name: str, limit_ms: float = WAIT_MS) -> None:
        """Wait for it."""
        self.page.locator(f'#stage[data-state="{name}"]').wait_for(timeout=limit_ms)

    def talk(self, expression: str, argument: Any = None) -> Any:
        """Something of the page's conversation, `talk`."""
        return self.page.evaluate(f"(given) => {expression}", argument)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def see(self, selector: str, text: str) -> None:
        """Wait until this is there to read."""
        expect(self.page.locator(selector)).to_contain_text(text)

    def lines(self, kind: str = "") -> list[str]:
        """What is written in the log: of the person (me), of the engine (""), or by the page (note)."""
        found = self.page.locator("#log p").all()
        return [one.inner_text() for one in found if (one.get_attribute("class") or "").replace(" cut", "") == kind]

    def until(self, expression: str, limit_ms: float = WAIT_MS) -> None:
        """Wait until something of the page's `talk` is so."""
        self.page.wait_for_function(f"() => {expression}", timeout=limit_ms, polling=50)


@contextmanager
def visit(browser: Browser, relay: Relay, who: Who | None = None, **context: Any) -> Iterator[Visit]:
    """Nobody is signed in when `who` is None."""
    found = browser.new_context(**context)
    if who is not None:
        name, value = relay.house.doors.cookie, relay.session(who)
        found.add_cookies([{"name": name, "value": value, "url": relay.url}])
    page = found.new_page()
    page.set_default_timeout(WAIT_MS)
    made = Visit(page, found, relay)
    page.on("console", made.noted)
    page.on("pageerror", lambda error: made.problems.append(str(error)))
    try:
        yield made
    finally:
        found.close()


def scripted(relay: Relay, *replies: Reply) -> ScriptedAgent:
    """Have the relay's own engine be one that follows a script."""
    agent = ScriptedAgent(replies)

    def make(post: Post, history: History, timers: Callable[[], int]) -> ScriptedAgent:
        del history, timers
        agent.post = post
        return agent

    desk_of(relay.house).engines = Engines(relay.house.config, make)
    return agent
