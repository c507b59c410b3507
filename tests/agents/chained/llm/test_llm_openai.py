"""What is OpenAI's own: the Responses API, and its fake against the vendor's client."""

from __future__ import annotations

import asyncio
import json

import openai
import pytest
from openai.types.responses import EasyInputMessageParam

from edge.config import Llm
from edge.core.chain import Call
from tests.agents.chained.llm.benches import (
    OPENAI,
    WEATHER,
    all_of,
    ask,
    assistant,
    calls,
    failure,
    result,
    text,
    used,
)
from tests.fakes.minds.openai import FakeResponses
from tests.fakes.minds.sse import KEY, Reply


def test_nothing_is_stored_there() -> None:
    async def test(mind, service):
        await all_of(mind, ask("Hello", tools=(WEATHER,)))
        body = service.last.body
        assert body["store"] is False
        assert body["model"] == "gpt-6-luna"
        assert body["reasoning"] == {"effort": "none"}
        assert "previous_response_id" not in body

    OPENAI.run(test)


def test_optional_arguments_stay_optional() -> None:
    async def test(mind, service):
        await all_of(mind, ask("Hello", tools=(WEATHER,)))
        (tool,) = service.last.body["tools"]
        assert tool["strict"] is False
        assert tool["parameters"]["required"] == ["city"]

    OPENAI.run(test)


@pytest.mark.parametrize(
    ("model", "effort"),
    [
        ("gpt-4o-mini", None),
        ("gpt-6-astra", "low"),
        ("gpt-6.1-sol", "low"),
        ("gpt-6-sol", "none"),
        ("gpt-5-mini", "minimal"),
    ],
)
def test_every_generation_gets_the_effort_it_takes(model: str, effort: str | None) -> None:
    async def test(mind, service):
        assert text(await all_of(mind)) == "Hello there."
        assert service.last.body.get("reasoning", {}).get("effort") == effort

    OPENAI.run(test, config=Llm(model=model))


def test_the_owners_effort_goes_before() -> None:
    async def test(mind, service):
        await all_of(mind)
        assert service.last.body["reasoning"] == {"effort": "medium"}
        assert service.last.body["max_output_tokens"] > 5000  # thinking is output as well

    OPENAI.run(test, config=Llm(effort="medium"))


def test_an_effort_that_the_model_has_not_is_told_with_the_place_to_change() -> None:
    async def test(mind, service):
        failed = await failure(mind)
        assert "'none' is not supported" in str(failed)
        assert "[llm.openai]" in str(failed)

    OPENAI.run(test, config=Llm(model="gpt-6-astra", effort="none"), refused=True)


def test_a_refusal_is_spoken() -> None:
    async def test(mind, service):
        assert text(await all_of(mind)) == "I'm sorry, no."

    OPENAI.run(test, Reply((), refusal=("I'm sorry,", " no.")))


def test_thoughts_go_back_with_the_calls_of_this_question_only() -> None:
    async def test(mind, service):
        (call,) = calls(await all_of(mind, ask("Weather?", tools=(WEATHER,))))
        past = ("Weather?", assistant("", call), result(call, "{}"))
        await all_of(mind, ask(*past))
        kinds = [item["type"] for item in service.last.body["input"]]
        assert kinds == ["message", "reasoning", "function_call", "function_call_output"]
        await all_of(mind, ask(*past, "And now?"))
        assert "reasoning" not in [item["type"] for item in service.last.body["input"]]

    reply = Reply((), (("weather", '{"city": "Bonn"}'),), thought="Bonn.")
    OPENAI.run(test, reply, config=Llm(model="gpt-6-astra"))


def test_what_is_used_is_not_told_by_every_server() -> None:
    async def test(mind, service):
        assert used(await all_of(mind)) == []

    OPENAI.run(test, Reply(usage=False))


def test_a_failed_response_is_no_empty_reply() -> None:
    async def test(mind, service):
        event = {"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "Slow"}}}
        service.faults.kind, service.faults.malformed = "malformed", json.dumps(event)
        assert (await failure(mind)).fault.value == "busy"

    OPENAI.run(test)


def test_events_of_a_later_version_are_passed_over() -> None:
    async def test(mind, service):
        later = json.dumps({"type": "response.hologram.delta", "delta": {"x": 1}})
        service.faults.kind, service.faults.malformed = "malformed", later
        assert "broken off" in str(await failure(mind))

    OPENAI.run(test)


def client_of(service: FakeResponses) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=KEY, base_url=service.url, max_retries=0)


def test_the_vendors_client_reads_the_fake() -> None:
    async def main() -> None:
        replies = [Reply(("One", " two"), (("weather", '{"city": "Bonn"}'),), cached=5)]
        said = EasyInputMessageParam(type="message", role="user", content="Hi")
        async with FakeResponses(replies) as service, client_of(service) as client:
            async with client.responses.stream(model="gpt-6-luna", input=[said], store=False) as stream:
                response = await stream.get_final_response()
            assert response.output_text == "One two"
            assert [item.type for item in response.output] == ["message", "function_call"]
            assert response.usage is not None
            assert response.usage.input_tokens_details.cached_tokens == 5
            assert service.refused == []

    asyncio.run(main())


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0.5, "model": "gpt-6-astra"},
        {"reasoning": {"effort": "none"}, "model": "gpt-6.1-sol"},
        {"reasoning": {"effort": "low"}, "model": "gpt-4o"},
        {"input": [{"type": "function_call", "call_id": "a", "name": "b", "arguments": "{}"}]},
        {"input": [{"type": "function_call_output", "call_id": "a", "output": "{}"}]},
        {"input": [{"type": "message", "role": "user", "content": "Hi", "mood": "good"}]},
        {"tools": [{"type": "function", "name": "a", "parameters": {}, "strict": "no"}]},
        {"max_tokens": 5},
    ],
)
def test_the_fake_refuses_what_the_vendor_would(wrong: dict[str, object]) -> None:
    async def main() -> None:
        async with FakeResponses() as service, client_of(service) as client:
            body = {
                "model": "gpt-6-luna",
                "input": [{"type": "message", "role": "user", "content": "Hi"}],
                "stream": True,
                **wrong,
            }
            with pytest.raises(openai.BadRequestError):
                await client.post("/responses", body=body, cast_to=object)

    asyncio.run(main())


def test_a_call_id_is_the_vendors_own() -> None:
    async def test(mind, service):
        call = Call("call_77", "weather", {"city": "Köln"})
        await all_of(mind, ask("Weather?", assistant("", call), result(call, "{}")))
        sent = next(item for item in service.last.body["input"] if item["type"] == "function_call")
        assert sent == {
            "type": "function_call",
            "call_id": "call_77",
            "name": "weather",
            "arguments": '{"city": "Köln"}',
        }

    OPENAI.run(test)
