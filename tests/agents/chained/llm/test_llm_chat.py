"""What is Chat Completions' own, and what its many servers make of it."""

from __future__ import annotations

import asyncio
import json

import openai
import pytest

from edge.agents.chained.llm import chat
from edge.agents.chained.llm.thoughts import Thoughts
from edge.config import Llm
from tests.agents.chained.llm.benches import (
    CHAT,
    WEATHER,
    Test,
    all_of,
    ask,
    assistant,
    calls,
    failure,
    result,
    text,
    used,
)
from tests.fakes.minds.openai import FakeChat
from tests.fakes.minds.sse import KEY, Reply


@pytest.fixture
def at_the_vendors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "_VENDORS", ("127.0.0.1",))


def at_vendor(test: Test) -> Test:
    async def whole(mind, service):
        service.vendor = True
        await test(mind, service)

    return whole


@pytest.mark.usefixtures("at_the_vendors")
@pytest.mark.parametrize("model", ["gpt-4o-mini", "gpt-5.4-mini", "gpt-5.6-luna", "gpt-6-luna", "gpt-6-sol"])
def test_the_vendors_models_with_tools(model: str) -> None:
    @at_vendor
    async def test(mind, service):
        assert text(await all_of(mind, ask("Hello", tools=(WEATHER,)))) == "Hello there."
        assert "max_completion_tokens" in service.last.body

    CHAT.run(test, config=Llm(model=model))


@pytest.mark.usefixtures("at_the_vendors")
def test_a_model_that_wants_the_other_protocol_says_so() -> None:
    @at_vendor
    async def test(mind, service):
        assert "Use /v1/responses instead" in str(await failure(mind, ask("Hello", tools=(WEATHER,))))

    CHAT.run(test, config=Llm(model="gpt-6-astra"), refused=True)


def test_a_server_at_home_gets_nothing_that_it_may_not_know() -> None:
    async def test(mind, service):
        await all_of(mind, ask("Hello", tools=(WEATHER,)))
        known = {"model", "messages", "max_tokens", "stream", "stream_options", "tools"}
        assert service.last.body.keys() == known
        assert "strict" not in json.dumps(service.last.body)

    CHAT.run(test, config=Llm(model="llama3.2"))


def test_a_server_at_home_may_have_no_key() -> None:
    async def main() -> None:
        async with FakeChat() as service:
            service.keys = {"none"}
            mind = CHAT.mind(Llm(url=service.url, model="qwen3"), key="")
            assert text(await all_of(mind)) == "Hello there."
            await mind.close()

    asyncio.run(main())


def test_calls_without_ids_get_some() -> None:
    async def test(mind, service):
        service.ids = False
        found = calls(await all_of(mind, ask("Weather?", tools=(WEATHER,))))
        assert len({call.id for call in found}) == 2
        results = [result(call, "{}") for call in found]
        assert text(await all_of(mind, ask("Weather?", assistant("", *found), *results))) == "Hello there."

    CHAT.run(test, Reply((), (("weather", "{}"), ("weather", "{}"))))


@pytest.mark.parametrize("index", [{}, {"index": 0}])
def test_calls_that_come_at_once_and_without_an_index_of_their_own(index: dict[str, int]) -> None:
    async def test(mind, service):
        function = {"name": "weather", "arguments": '{"city": "Bonn"}'}
        delta = {"tool_calls": [{"id": name, "function": function, **index} for name in ("a", "b")]}
        service.faults.kind, service.faults.after = "malformed", 1
        service.faults.malformed = json.dumps({"choices": [{"delta": delta, "finish_reason": "tool_calls"}]})
        assert [call.id for call in calls(await all_of(mind))] == ["a", "b"]

    CHAT.run(test)


def test_servers_that_do_not_count() -> None:
    async def test(mind, service):
        assert used(await all_of(mind)) == []
        (counted,) = used(await all_of(mind))
        assert counted.amounts == {"text_in": 120, "text_cached": 0, "text_out": 7}

    CHAT.run(test, Reply(usage=False))


def test_a_refusal_is_spoken_in_chat() -> None:
    async def test(mind, service):
        assert text(await all_of(mind)) == "No, sorry."

    CHAT.run(test, Reply((), refusal=("No,", " sorry.")))


@pytest.mark.parametrize("thought", ["<think>Hm.</think>", "\n<think>\nA <b> and\n</think>\n\n", "<think></think>"])
def test_what_a_model_thinks_aloud_is_not_spoken(thought: str) -> None:
    async def test(mind, service):
        service.aloud = thought
        assert text(await all_of(mind)) == "Hello there."

    CHAT.run(test)


@pytest.mark.parametrize("reply", ["<b>Hi", "<", "<thin", "Hi <think>you</think>", "", "  hello"])
@pytest.mark.parametrize("step", [1, 2, 50])
def test_a_reply_that_only_looks_like_thinking_is_spoken(reply: str, step: int) -> None:
    thoughts = Thoughts()
    spoken = "".join(thoughts.without(reply[at : at + step]) for at in range(0, len(reply), step))
    assert (spoken + thoughts.rest()).strip() == reply.strip()


def test_the_vendors_client_reads_the_chat_fake() -> None:
    async def main() -> None:
        async with FakeChat([Reply(("One", " two"), (("weather", '{"city": "Bonn"}'),))]) as service:
            async with openai.AsyncOpenAI(api_key=KEY, base_url=service.url, max_retries=0) as client:
                manager = client.chat.completions.stream(
                    model="gpt-6-luna", messages=[{"role": "user", "content": "Hi"}]
                )
                async with manager as stream:
                    whole = await stream.get_final_completion()
            message = whole.choices[0].message
            assert message.content == "One two"
            assert message.tool_calls is not None
            assert message.tool_calls[0].function.arguments == '{"city": "Bonn"}'

    asyncio.run(main())


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "gpt-6-luna", "max_tokens": 5},
        {"model": "gpt-4o", "reasoning_effort": "none"},
        {"model": "gpt-6-sol", "tools": [{"type": "function", "function": {"name": "a", "parameters": {}}}]},
        {"messages": [{"role": "tool", "tool_call_id": "a", "content": "{}"}]},
        {"messages": [{"role": "user", "content": "Hi", "mood": "good"}]},
    ],
)
def test_the_chat_fake_refuses_what_the_vendor_would(wrong: dict[str, object]) -> None:
    async def main() -> None:
        async with FakeChat() as service:
            service.vendor = True
            async with openai.AsyncOpenAI(api_key=KEY, base_url=service.url, max_retries=0) as client:
                message = {"role": "user", "content": "Hi"}
                body = {"model": "gpt-6-luna", "messages": [message], "stream": True, **wrong}
                with pytest.raises(openai.BadRequestError):
                    await client.post("/chat/completions", body=body, cast_to=object)

    asyncio.run(main())
