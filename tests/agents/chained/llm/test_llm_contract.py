"""What holds for every language model."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from edge.agents.chained.llm.effort import ROOM
from edge.agents.chained.llm.remote import DECLINED
from edge.config import Llm
from edge.core.chain import Call, Request, Used
from tests.agents.chained.llm.benches import (
    BENCHES,
    HELLO,
    TIME,
    WEATHER,
    Bench,
    all_of,
    ask,
    assistant,
    calls,
    each,
    failure,
    result,
    text,
    used,
    user,
    writers,
)
from tests.fakes.minds.sse import Reply

PARIS = ("weather", json.dumps({"city": "Paris", "day": 2}))
BONN = ("weather", json.dumps({"city": "Bonn"}))


# --- what it says ------------------------------------------------------------------------------------


@each
def test_text_comes_as_the_service_makes_it(bench: Bench) -> None:
    async def test(mind, service):
        service.faults.token_ms = 20
        reply = mind.think(HELLO)
        assert await anext(reply) == "One"
        assert not service.last.answered
        assert [piece async for piece in reply if isinstance(piece, str)] == [" two", " three."]
        assert service.last.answered

    bench.run(test, Reply(("One", " two", " three.")))


@each
def test_every_script_survives_however_it_is_cut(bench: Bench) -> None:
    pieces = ("Grüße", " 北京 ", "🙂", " \u2028 ", "Ѐ")

    async def test(mind, service):
        service.faults.drip = 3
        assert text(await all_of(mind, ask("¿Qué tal? 🙂"))) == "".join(pieces)
        assert "¿Qué tal? 🙂" in json.dumps(service.last.body, ensure_ascii=False)

    bench.run(test, Reply(pieces))


@each
def test_instructions_history_and_limit_reach_the_service(bench: Bench) -> None:
    async def test(mind, service):
        await all_of(mind, ask("First", assistant("Second"), "Third", instructions="Speak like a pirate."))
        sent = json.dumps(service.last.body)
        places = [sent.index(word) for word in ("First", "Second", "Third")]
        assert places == sorted(places)
        assert "Speak like a pirate." in sent
        assert any(str(321 + more) in sent for more in (0, ROOM["minimal"]))

    bench.run(test, config=Llm(max_tokens=321))


@each
def test_without_instructions_there_are_none(bench: Bench) -> None:
    async def test(mind, service):
        assert text(await all_of(mind, ask("Hello", instructions=""))) == "Hello there."
        sent = json.dumps(service.last.body)
        assert not [word for word in ("instructions", "system", "null") if word in sent]

    bench.run(test)


@each
def test_nothing_is_sampled_in_a_way_that_newer_models_refuse(bench: Bench) -> None:
    async def test(mind, service):
        await all_of(mind)
        sent = json.dumps(service.last.body).lower()
        assert not [word for word in ("temperature", "top_p", "topp", "top_k", "topk", "penalty") if word in sent]

    bench.run(test)


@each
def test_what_was_used_is_counted_and_the_cached_part_once(bench: Bench) -> None:
    async def test(mind, service):
        (counted,) = used(await all_of(mind))
        model = mind.config.model
        assert counted == Used(model, {"text_in": 80, "text_cached": 40, "text_out": 9})
        assert counted.id  # by which the vendor finds it

    bench.run(test, Reply(text_in=120, cached=40, text_out=9), config=Llm(model=bench.thinker))


@each
def test_an_empty_reply_is_the_end_and_no_more(bench: Bench) -> None:
    async def test(mind, service):
        assert [type(piece) for piece in await all_of(mind)] == [Used]

    bench.run(test, Reply(()))


@each
def test_nobody_is_asked_when_nothing_was_said(bench: Bench) -> None:
    async def test(mind, service):
        assert await all_of(mind, Request(())) == []
        assert await all_of(mind, ask(" \n")) == []
        assert await all_of(mind, ask("Hello", assistant("Hi"))) == []
        assert service.asked == []

    bench.run(test)


@each
def test_a_reply_cut_at_its_longest_ends_there(bench: Bench) -> None:
    async def test(mind, service):
        assert text(await all_of(mind)) == "Once upon"

    bench.run(test, Reply(("Once", " upon"), finish="length"))


@each
def test_a_reply_that_was_all_thinking_tells_the_owner_what_to_do(bench: Bench) -> None:
    async def test(mind, service):
        failed = await failure(mind)
        assert failed.fault.value == "request"
        assert f"llm.{bench.name}.max_tokens" in str(failed)

    bench.run(test, Reply((), finish="length"))


@each
def test_a_model_that_is_kept_from_answering_says_so(bench: Bench) -> None:
    async def test(mind, service):
        assert text(await all_of(mind)) == DECLINED
        assert text(await all_of(mind)) == "Well, "

    bench.run(test, Reply((), finish="filter"), Reply(("Well, ",), finish="filter"))


# --- tools -------------------------------------------------------------------------------------------


@each
def test_a_call_comes_whole_and_behind_the_text(bench: Bench) -> None:
    async def test(mind, service):
        pieces = await all_of(mind, ask("Weather?", tools=(WEATHER, TIME)))
        assert pieces[:2] == ["Let me", " look."]
        (call,) = calls(pieces)
        assert (call.name, call.arguments) == ("weather", {"city": "Paris", "day": 2})
        assert call.id

    bench.run(test, Reply(("Let me", " look."), (PARIS,)))


@each
def test_several_calls_have_ids_of_their_own(bench: Bench) -> None:
    async def test(mind, service):
        found = calls(await all_of(mind, ask("Weather?", tools=(WEATHER, TIME))))
        assert [(call.name, call.arguments) for call in found] == [
            ("weather", {"city": "Paris", "day": 2}),
            ("weather", {"city": "Bonn"}),
            ("time", {}),
        ]
        assert len({call.id for call in found}) == 3

    bench.run(test, Reply((), (PARIS, BONN, ("time", "{}"))))


@each
def test_results_go_back_and_the_answer_follows(bench: Bench) -> None:
    async def test(mind, service):
        question = user("Weather?")
        first = await all_of(mind, ask(question, tools=(WEATHER,)))
        found = calls(first)
        results = [result(call, '{"sky": "rain"}') for call in found]
        second = await all_of(mind, ask(question, assistant(text(first), *found), *results, tools=(WEATHER,)))
        (again,) = calls(second)
        more = (assistant("", again), result(again, "no JSON at all"))
        whole = ask(question, assistant(text(first), *found), *results, *more, tools=(WEATHER,))
        assert text(await all_of(mind, whole)) == "Rain."
        sent = json.dumps(service.last.body)
        assert sent.count("sky") == 2
        assert "no JSON at all" in sent

    thinking = {"thinker": bench.thinker, "default": ""}
    for model in thinking.values():
        replies = (Reply(("Hm. ",), (PARIS, BONN), thought="Two."), Reply((), (BONN,)), Reply(("Rain.",)))
        bench.run(test, *replies, config=Llm(model=model))


@each
def test_the_conversation_goes_on_after_calls(bench: Bench) -> None:
    """Also after those of another vendor's model, when this one has to go on in its place."""

    async def test(mind, service):
        for other in BENCHES:
            call = Call(f"id/of {other.name}!", "weather", {"city": "Paris"}, f"{other.name}:b3RoZXI=")
            if other is bench:
                continue
            past = (user("Weather?"), assistant("", call), result(call, "{}"))
            assert text(await all_of(mind, ask(*past, tools=(WEATHER,)))) == "Hello there."
            assert text(await all_of(mind, ask(*past, assistant("Rain."), "And now?"))) == "Hello there."

    bench.run(test, config=Llm(model=bench.thinker))


@each
def test_what_would_make_the_service_refuse_is_left_out(bench: Bench) -> None:
    async def test(mind, service):
        lost, kept, stray = Call("a", "weather", {}), Call("b", "time", {}), Call("c", "time", {})
        await all_of(mind, ask("One", assistant("", lost), "Two"))
        await all_of(mind, ask("One", assistant("Two", lost, kept), result(kept, "{}"), "Three"))
        await all_of(mind, ask("One", result(stray, "{}"), assistant(" "), assistant(""), "Two"))
        await all_of(mind, ask(assistant("Good morning!"), "One"))
        await all_of(mind, ask("One", assistant("", kept), "Wait", result(kept, "{}"), "Two"))
        assert len(service.asked) == 5

    bench.run(test)


@writers
def test_no_tool_runs_on_arguments_that_are_none(bench: Bench) -> None:
    """The call is for a tool that there is not: its result is an error, and the model can try again."""

    async def test(mind, service):
        request = ask("Weather?", tools=(WEATHER,))
        (call,) = calls(await all_of(mind, request))
        assert call.name != "weather"
        assert call.arguments == {"unreadable": '{"city": "Par'}
        again = (assistant("", call), result(call, '{"error": "There is no such tool"}'))
        assert text(await all_of(mind, ask(*request.messages, *again, tools=(WEATHER,)))) == "Hello there."

    bench.run(test, Reply((), (("weather", '{"city": "Par'),)))


@writers
def test_half_a_call_is_none(bench: Bench) -> None:
    async def test(mind, service):
        assert calls(await all_of(mind, ask("Weather?", tools=(WEATHER,)))) == []

    bench.run(test, Reply(("Hm.",), (("weather", '{"city": "Par'),), finish="length"))


# --- giving up, and several at once ------------------------------------------------------------------


@each
def test_closing_the_reply_tells_the_service_to_stop(bench: Bench) -> None:
    async def test(mind, service):
        service.faults.token_ms = 5
        reply = mind.think(HELLO)
        await anext(reply)
        await reply.aclose()
        await service.until(lambda: service.last.left)
        assert not service.last.answered

    bench.run(test, Reply(("word ",) * 500))


@each
def test_cancelling_the_task_does_so_too(bench: Bench) -> None:
    async def test(mind, service):
        service.faults.token_ms = 5
        task = asyncio.ensure_future(all_of(mind))
        await service.until(lambda: service.asked and service.last.sent > 5)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await service.until(lambda: service.last.left)
        assert task.cancelled()

    bench.run(test, Reply(("word ",) * 500))


@each
def test_a_service_that_has_not_begun_is_told_as_well(bench: Bench) -> None:
    async def test(mind, service):
        service.faults.silent = True
        task = asyncio.ensure_future(all_of(mind))
        await service.until(lambda: service.asked)
        task.cancel()
        await service.until(lambda: service.last.left)
        assert service.last.sent == 0

    bench.run(test)


@each
def test_several_at_once_do_not_mix(bench: Bench) -> None:
    def script(body):
        word = next(word for word in ("alpha", "beta", "gamma") if word in json.dumps(body))
        return Reply((word, " ", word))

    async def test(mind, service):
        service.faults.token_ms = 3
        words = ("alpha", "beta", "gamma")
        found = await asyncio.gather(*(all_of(mind, ask(word)) for word in words))
        assert [text(pieces) for pieces in found] == [f"{word} {word}" for word in words]
        assert service.connections > 1

    bench.run(test, script=script)


@each
def test_one_given_up_leaves_the_other_alone(bench: Bench) -> None:
    async def test(mind, service):
        service.faults.token_ms = 2
        kept = asyncio.ensure_future(all_of(mind))
        given_up = asyncio.ensure_future(all_of(mind))
        await service.until(lambda: len(service.asked) == 2 and service.last.sent > 3)
        given_up.cancel()
        assert text(await kept) == "word " * 40

    bench.run(test, Reply(("word ",) * 40), Reply(("word ",) * 40))


@each
def test_two_in_a_row_share_a_connection(bench: Bench) -> None:
    async def test(mind, service):
        assert text(await all_of(mind)) == "One"
        assert text(await all_of(mind)) == "Two"
        assert service.connections == 1

    bench.run(test, Reply(("One",)), Reply(("Two",)))
