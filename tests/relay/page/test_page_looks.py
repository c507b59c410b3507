"""How the page looks and weighs: every view, light and dark, at a desk and on a telephone; keyboard, screen reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser

from edge.relay.doors import Who
from edge.relay.pages import FOLDER, sheet
from edge.testing import Reply
from tests.relay.page.browsing import ALLOW, Visit, chromium, scripted, spoken, visit, words
from tests.relay.rig import Relay, configured, running

pytestmark = pytest.mark.browser

SIZES = {"desk": {"width": 1200, "height": 800}, "telephone": {"width": 390, "height": 844}}
AA = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
INCOGNITO = [{"errorId": "in-incognito", "errorArguments": []}]  # which a test's context is
HEAVIEST = 60_000  # bytes of all files, as they are sent without packing


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    config = configured(engine="local", requests_per_second=1000.0, sessions_each=50)
    with running(tmp_path_factory.mktemp("relay"), config) as found:
        yield found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    heard = spoken(tmp_path_factory.mktemp("microphone") / "m.wav", 0.3, words("livingroom_lamp"), 20.0)
    with chromium(heard, ALLOW) as found:
        yield found


@pytest.fixture(scope="module")
def ada(relay: Relay) -> Who:
    found = relay.person("Ada Lovelace", owner=True)
    relay.person("Bob")
    relay.device("Kitchen", found)
    return found


def sound(page: Visit, where: str) -> None:
    """Nothing against WCAG 2.2 AA, and nothing beyond the right edge."""
    found = Axe().run(page.page, options=AA).response
    assert found["passes"]
    assert [(where, one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []
    wide = page.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, where


@contextmanager
def seen(browser: Browser, relay: Relay, who: Who | None, size: str, scheme: str) -> Iterator[Visit]:
    # without motion: a colour that is on its way from one to another has the contrast of neither
    given: dict[str, Any] = {"viewport": SIZES[size], "color_scheme": scheme, "reduced_motion": "reduce"}
    with visit(browser, relay, who, **given) as page:
        page.context.add_init_script("localStorage.clear()")
        # axe comes in past the page's own policy, as the test's other scripts do
        yield page
    assert page.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_every_view_is_accessible_and_fits(browser: Browser, relay: Relay, ada: Who, size: str, scheme: str) -> None:
    relay.forget_attempts()
    scripted(relay, Reply("The lamp, please.", "It is on now. Shall I dim it a little for the evening?", 60.0))
    with seen(browser, relay, ada, size, scheme) as page:
        page.open()
        sound(page, "talk")
        page.page.click("#talk summary")
        page.start()
        sound(page, "listening")
        page.state("hearing")
        sound(page, "hearing")
        page.state("speaking")
        page.page.click("#mute")
        sound(page, "speaking, muted")
        page.page.check("#ptt")
        sound(page, "push to talk")
        page.page.click("#end")
        for view in ("devices", "account", f"device={relay.house.store.do(kitchen)}"):
            page.open(view)
            page.page.wait_for_load_state("networkidle")
            page.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            sound(page, view)
        page.open("account")
        page.page.click("#invite button")
        page.page.locator("#ask[open]").wait_for()
        sound(page, "an invitation")
    with seen(browser, relay, None, size, scheme) as page:
        for view in ("talk", "setup=code", "invite=code"):
            page.open(view)
            sound(page, view)
        page.page.fill("[name=name]", "Eve")
        page.page.click("#enter-button")
        page.page.locator("#notice:not([hidden])").wait_for()
        sound(page, "a refusal")


def kitchen(db: Any) -> str:
    return str(db.execute("SELECT id FROM devices").fetchone()[0])


def test_everything_is_reached_by_the_keyboard(browser: Browser, relay: Relay, ada: Who) -> None:
    relay.forget_attempts()
    scripted(relay, Reply("One.", "Two.", 1.0))
    with seen(browser, relay, ada, "desk", "light") as page:
        page.page.goto(relay.url)
        page.page.locator("#talk").wait_for()
        page.page.keyboard.press("Tab")
        assert page.page.evaluate("document.activeElement.id") == "skip"
        page.page.keyboard.press("Enter")
        assert page.page.evaluate("document.activeElement.id") == "main"
        page.page.keyboard.press("Tab")
        assert page.page.evaluate("document.activeElement.id") == "button"
        page.page.keyboard.press("Enter")
        page.state("listening")
        names = []
        for _ in range(12):
            page.page.keyboard.press("Tab")
            names.append(page.page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert names[:7] == ["mute", "stop", "end", "log", "typed", "send", "SUMMARY"]
        for name in ("Devices", "Account"):
            page.page.focus(f"nav >> text={name}")
            page.page.keyboard.press("Enter")
            page.page.locator(f"#{name.lower()}").wait_for()
            page.until("document.activeElement.id === 'main'")
        assert page.page.title() == "Account · edge-voice"


def test_motion_is_left_out_where_it_is_not_wanted(browser: Browser, relay: Relay, ada: Who) -> None:
    moving = "getComputedStyle(document.querySelector('#button')).transitionDuration"
    with seen(browser, relay, ada, "desk", "light") as page:
        page.open()
        assert page.page.evaluate(moving) == "0s"
        page.page.emulate_media(reduced_motion="no-preference")
        assert page.page.evaluate(moving) != "0s"


def test_the_page_can_be_installed(browser: Browser, relay: Relay, ada: Who) -> None:
    with seen(browser, relay, ada, "telephone", "light") as page:
        page.open()
        chrome = page.context.new_cdp_session(page.page)
        assert chrome.send("Page.getInstallabilityErrors")["installabilityErrors"] == INCOGNITO
        manifest = chrome.send("Page.getAppManifest")
        assert manifest["errors"] == []
        for icon in json.loads(manifest["data"])["icons"]:
            assert page.page.request.get(relay.url + icon["src"]).ok


def test_nothing_is_loaded_from_elsewhere_and_nothing_inline_runs(browser: Browser, relay: Relay, ada: Who) -> None:
    with seen(browser, relay, ada, "desk", "light") as page:
        asked: list[str] = []
        page.page.on("request", lambda request: asked.append(request.url))
        page.open("account")
        assert len(asked) > 8
        assert all(url.startswith(f"{relay.url}/") for url in asked)
    with visit(browser, relay, ada) as page:
        page.open()
        page.page.evaluate("""() => {
          const script = document.createElement('script');
          script.textContent = 'window.hit = 1';
          document.body.append(script);
        }""")
        assert page.page.evaluate("window.hit") is None
        assert any("Content Security Policy" in one for one in page.problems)


def test_all_files_together_are_light() -> None:
    assert sum(len(sheet(path).plain) for path in FOLDER.iterdir()) < HEAVIEST
