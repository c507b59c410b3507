"""Talking on the page where there is no vendor: sound both ways through the relay, to an engine of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from edge.relay.voice.desk import desk_of
from edge.relay.voice.own.engines import Engines
from edge.testing import Reply, ScriptedAgent
from tests.relay.page.browsing import ALLOW, Visit, chromium, scripted, spoken, visit, words
from tests.relay.rig import Relay, configured, running

pytestmark = pytest.mark.browser

QUESTION = "Please turn on the light."
LONG = Reply(QUESTION, "It is on, and so is the one in the kitchen.", 60.0)
TONE_DB = -15.0  # of a scripted reply: a sine at a quarter of full scale


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    with running(tmp_path_factory.mktemp("relay"), configured(engine="local", sessions_each=3)) as found:
        yield found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """It hears a sentence after half a second, and again and again."""
    sentence = words("livingroom_lamp")
    heard = spoken(tmp_path_factory.mktemp("microphone") / "m.wav", 0.5, sentence, 3.0)
    with chromium(heard, ALLOW) as found:
        yield found


@contextlib.contextmanager
def talking(browser: Browser, relay: Relay, *replies: Reply) -> Iterator[tuple[Visit, ScriptedAgent]]:
    """Somebody in a conversation with a scripted engine."""
    relay.forget_attempts()
    agent = scripted(relay, *replies)
    with visit(browser, relay, relay.person(f"P{id(agent)}")) as page:
        page.open()
        page.page.evaluate(SPY)
        page.start()
        yield page, agent
    assert page.problems == []


# What the page sends but for sound, and how loud what it plays is in each look at it.
SPY = """() => {
  window.sent = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (text) {
    const event = JSON.parse(text);
    if (event.type === 'input_audio_buffer.append') window.sounds = (window.sounds || 0) + 1;
    else window.sent.push(event);
    return send.call(this, text);
  };
}"""


def sent(page: Visit, kind: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = page.page.evaluate("(kind) => sent.filter((one) => one.type === kind)", kind)
    return found


def heard(agent: ScriptedAgent) -> int:
    """Bytes of the person that have come to the engine."""
    return sum(map(len, agent.heard.values()))


def test_a_spoken_question_is_answered_by_the_offline_engine(browser: Browser, relay: Relay) -> None:
    with visit(browser, relay, relay.person("Ada")) as page:
        page.open()
        desk_of(relay.house).engines = Engines(relay.house.config)
        page.see("#facts", "Offline engine · over this relay · at most 15 minutes")
        page.start()
        page.state("hearing")
        page.until("talk.way.levels[0] > -40")
        page.state("thinking")
        page.page.click("#mute")  # the recording begins again before a cold engine has answered
        page.state("speaking", 120_000)  # the models are read first
        page.until("talk.way.levels[1] > -45")  # what goes to the loudspeaker
        mine, reply = page.lines("me")[0], page.lines()[0]
        assert mine.startswith("You\n")
        assert "lamp" in mine.lower()
        assert reply.startswith("Reply\n")
        assert "after " in reply
        page.see("#facts", "usually answers after ")
    assert page.problems == []


def test_the_sound_of_a_reply_is_the_engines(browser: Browser, relay: Relay) -> None:
    with talking(browser, relay, LONG) as (page, agent):
        page.state("speaking")
        assert heard(agent) > 16_000
        page.page.evaluate("""() => {
          const look = window.look = talk.way.context.createAnalyser();
          look.fftSize = 16384;
          talk.way.mouth.connect(look);
        }""")
        page.page.wait_for_function("""() => {
          const bins = new Float32Array(look.frequencyBinCount);
          look.getFloatFrequencyData(bins);
          const hertz = bins.indexOf(Math.max(...bins)) * look.context.sampleRate / look.fftSize;
          return Math.abs(hertz - 440) < 5;
        }""")
        level = page.talk("talk.way.levels[1]")
        assert level == pytest.approx(TONE_DB, abs=1)
        assert page.lines("me") == [f"You\n{QUESTION}"]
        assert page.lines()[0].startswith("Reply\nIt is on, and so is the one in the kitchen.\nafter ")
        assert page.page.evaluate("document.querySelector('#level-out').value") > 50


def test_a_voice_interrupts_and_the_engine_learns_what_was_heard(browser: Browser, relay: Relay) -> None:
    with talking(browser, relay, LONG) as (page, agent):
        page.state("speaking")
        began = page.talk("performance.now()")
        page.state("hearing")
        took = page.talk("performance.now()") - began
        page.until("talk.way.levels[1] < -90")
        [cut] = sent(page, "conversation.item.truncate")
        assert 1000 < float(str(cut["audio_end_ms"])) < took + 500
        page.page.locator("#log p.cut").wait_for()
        relay.until(lambda: bool(agent.interrupted))
        assert agent.interrupted[0][1] == pytest.approx(cut["audio_end_ms"], abs=2000)  # by the relay's own clock


def test_the_button_interrupts_and_the_next_turn_is_heard(browser: Browser, relay: Relay) -> None:
    with talking(browser, relay, LONG, Reply("And that one.", "That one, too.", 1.0)) as (page, agent):
        page.state("speaking")
        page.until("talk.way.levels[1] > -20")
        page.page.click("#stop")
        page.state("listening")
        page.until("talk.way.levels[1] < -90")
        relay.until(lambda: bool(agent.interrupted))
        assert 0 < agent.interrupted[0][1] < 6000
        page.state("speaking")
        page.see("#log", "That one, too.")


def test_push_to_talk_by_the_space_bar(browser: Browser, relay: Relay) -> None:
    with talking(browser, relay, Reply("Now.", "Yes, now.", 60.0), Reply("Again.", "Once more.", 1.0)) as (page, agent):
        page.page.click("summary:visible")
        page.page.check("#ptt")
        page.see("#button-text", "Hold to talk")
        page.page.evaluate("document.activeElement.blur()")
        page.page.wait_for_timeout(300)  # for what was on its way
        before = page.page.evaluate("sounds")
        page.page.wait_for_timeout(1000)
        assert page.page.evaluate("sounds") == before  # nothing leaves while the bar is up
        page.page.keyboard.down("Space")
        page.see("#state", "I hear you.")
        page.page.wait_for_timeout(600)
        page.page.keyboard.up("Space")
        page.state("speaking")
        assert page.page.evaluate("sounds") > before + 10
        assert page.lines()[0].startswith("Reply\nYes, now.")
        page.page.keyboard.down("Space")  # interrupts
        page.until("talk.way.levels[1] < -90")
        page.page.wait_for_timeout(400)
        page.page.keyboard.up("Space")
        page.see("#log", "Once more.")
        assert len(sent(page, "response.create")) == 2
        assert agent.interrupted
        page.page.keyboard.press("Space")  # too short for a word
        page.see("#log", "Hold a little longer while you talk.")
        assert len(sent(page, "response.create")) == 2
        page.page.focus("#typed")
        page.page.keyboard.type("a b")
        assert page.page.input_value("#typed") == "a b"  # where one types, the bar is a space


def test_muted_nothing_is_heard(browser: Browser, relay: Relay) -> None:
    with talking(browser, relay, LONG) as (page, _):
        page.page.click("#mute")
        page.see("#state", "Muted.")
        expect(page.page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        page.until("talk.way.levels[0] > -30")  # a sentence at the microphone
        page.until("talk.way.levels[0] < -60")
        page.page.wait_for_timeout(700)
        assert page.talk("talk.state") == "listening"
        assert page.lines("me") == []
        page.page.click("#mute")
        page.state("hearing")


def test_a_typed_turn_is_answered_aloud(browser: Browser, relay: Relay) -> None:
    with talking(browser, relay, Reply("", "It is Tuesday.", 60.0), Reply("", "Wednesday.", 1.0)) as (page, _):
        page.page.click("#mute")
        page.page.fill("#typed", "What day is it? <b>")
        page.page.press("#typed", "Enter")
        page.state("speaking")
        page.until("talk.way.levels[1] > -20")
        assert page.lines("me") == ["You\nWhat day is it? <b>"]
        page.page.fill("#typed", "And tomorrow?")  # interrupts
        page.page.press("#typed", "Enter")
        page.see("#log", "Wednesday.")


def test_an_answer_that_does_not_come_is_not_waited_for_without_end(browser: Browser, relay: Relay) -> None:
    never = Reply("", "", 0.0, end=False)
    with talking(browser, relay, never, Reply("", "Here I am.", 1.0)) as (page, _):
        page.page.click("#mute")
        page.page.evaluate("""() => {
          const wait = window.setTimeout;
          window.setTimeout = (what, ms) => wait(what, ms === 45000 ? 300 : ms);
        }""")
        page.page.fill("#typed", "Hello?")
        page.page.press("#typed", "Enter")
        page.see("#log", "No answer came. Try again.")
        page.state("listening")
        page.page.fill("#typed", "And now?")
        page.page.press("#typed", "Enter")
        page.see("#log", "Here I am.")


def test_end_closes_the_microphone_and_the_line(browser: Browser, relay: Relay) -> None:
    with talking(browser, relay, LONG) as (page, _):
        page.page.evaluate("window.way = talk.way")
        page.page.focus("#end")
        page.page.keyboard.press("Enter")
        page.state("idle")
        page.until("way.mic.getTracks().every((one) => one.readyState === 'ended')")
        page.until("way.context.state === 'closed' && way.line.readyState === WebSocket.CLOSED")
        assert page.page.evaluate("document.activeElement.id") == "button"  # the focus is not lost with the button


def test_the_microphone_can_be_changed_while_talking(browser: Browser, relay: Relay) -> None:
    with talking(browser, relay, LONG) as (page, agent):
        page.page.click("summary:visible")
        options = page.page.locator("#mic option").all_inner_texts()
        assert options[0] == "The usual microphone"
        assert len(options) > 1
        page.page.select_option("#mic", index=1)
        page.state("speaking")
        assert page.talk("talk.way.levels[0] > -100 || talk.way.source.mediaStream.active")
        assert heard(agent) > 16_000


def test_a_line_that_breaks_is_made_again(browser: Browser, relay: Relay) -> None:
    with talking(browser, relay, LONG) as (page, _):
        page.page.click("#mute")
        page.talk("talk.way.line.close(4000)")  # as a network that goes, to the page: it did not end the conversation
        page.see("#log", "Connected again.")
        page.see("#state", "Muted.")  # who was muted is not heard again of a sudden
        assert page.talk("talk.muted")


def test_one_conversation_too_many_and_an_engine_without_models(browser: Browser, relay: Relay) -> None:
    relay.forget_attempts()
    scripted(relay)
    who = relay.person("Many")
    with visit(browser, relay, who) as page:
        tabs = [page.context.new_page() for _ in range(3)]
        for tab in tabs:
            tab.goto(relay.url)
            tab.click("#button")
            tab.locator('#stage[data-state="listening"]').wait_for()
        page.open()
        page.page.click("#button")
        page.see("#notice", "You have other conversations open. Please end one and try again.")
        page.state("idle")
    engines = desk_of(relay.house).engines
    engines._given, engines._kind = None, ""
    with visit(browser, relay, who) as page:
        page.open()
        page.see("#state", "Talking is not possible now. The relay has no vendor's key and no engine of its own.")
        expect(page.page.locator("#button")).to_be_disabled()
    assert page.problems == []
