"""What is Anthropic's own."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest

from edge.config import Llm
from edge.core.chain import Fault
from tests.agents.chained.llm.benches import CLAUDE, WEATHER, all_of, ask, assistant, calls, failure, result, text, used
from tests.fakes.minds.anthropic import FakeClaude
from tests.fakes.minds.sse import KEY, Reply

BONN = ("weather", '{"city": "Bonn"}')


@pytest.mark.parametrize(
    "model",
    ["claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-1", "claude-opus-5",
     "claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-4-8"],
)  # fmt: skip
def test_every_model_thinks_as_little_as_it_can(model: str) -> None:
    async def test(mind, service):
        assert text(await all_of(mind)) == "Hello there."

    CLAUDE.run(test, config=Llm(model=model))


def test_the_default_does_not_think_and_has_no_room_for_it() -> None:
    async def test(mind, service):
        await all_of(mind)
        body = service.last.body
        assert (body["model"], body["thinking"], body["max_tokens"]) == ("claude-haiku-5-5", {"type": "disabled"}, 400)

    CLAUDE.run(test)


def test_one_that_always_thinks_has_room_for_it() -> None:
    async def test(mind, service):
        await all_of(mind)
        assert service.last.body["output_config"] == {"effort": "low"}
        assert service.last.body["max_tokens"] > 2000

    CLAUDE.run(test, config=Llm(model="claude-opus-5-5"))


def test_all_results_of_a_round_go_in_one_message() -> None:
    async def test(mind, service):
        found = calls(await all_of(mind, ask("Weather?", tools=(WEATHER,))))
        results = [result(call, "{}") for call in found]
        await all_of(mind, ask("Weather?", assistant("Hm.", *found), *reversed(results)))
        messages = service.last.body["messages"]
        assert [message["role"] for message in messages] == ["user", "assistant", "user"]
        assert [block["type"] for block in messages[1]["content"]] == ["text", "tool_use", "tool_use"]
        assert [block["tool_use_id"] for block in messages[2]["content"]] == [call.id for call in found]

    CLAUDE.run(test, Reply((), (BONN, BONN)))


def test_signed_thoughts_go_back_with_the_calls_of_this_question_only() -> None:
    async def test(mind, service):
        (call,) = calls(await all_of(mind, ask("Weather?", tools=(WEATHER,))))
        past = ("Weather?", assistant("", call), result(call, "{}"))
        await all_of(mind, ask(*past))
        assert [block["type"] for block in service.last.body["messages"][1]["content"]] == ["thinking", "tool_use"]
        await all_of(mind, ask(*past, "And now?"))
        assert [block["type"] for block in service.last.body["messages"][1]["content"]] == ["tool_use"]

    CLAUDE.run(test, Reply((), (BONN,), thought="Bonn."), config=Llm(model="claude-opus-5-5"))


def test_the_conversation_so_far_is_cached() -> None:
    async def test(mind, service):
        (counted,) = used(await all_of(mind))
        assert service.last.body["cache_control"] == {"type": "ephemeral"}
        assert counted.amounts == {"text_in": 100, "text_cached": 1900, "text_out": 7}

    CLAUDE.run(test, Reply(text_in=2000, cached=1900))


def test_overloaded_is_busy() -> None:
    async def test(mind, service):
        service.faults.status, service.faults.headers = 529, {"retry-after": "11"}
        failed = await failure(mind)
        assert (failed.fault, failed.retry_after) == (Fault.BUSY, 11.0)

    CLAUDE.run(test)


def test_an_empty_account_by_its_status() -> None:
    async def test(mind, service):
        service.faults.status = 402
        assert (await failure(mind)).fault is Fault.QUOTA
        service.faults.status, service.faults.problem = 400, "quota"
        assert (await failure(mind)).fault is Fault.QUOTA

    CLAUDE.run(test)


def test_the_address_may_have_its_version_or_not() -> None:
    async def main() -> None:
        async with FakeClaude() as service:
            mind = CLAUDE.mind(Llm(url=f"{service.url}/v1/"))
            assert text(await all_of(mind)) == "Hello there."
            await mind.close()

    asyncio.run(main())


def client_of(service: FakeClaude) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key=KEY, base_url=service.url, max_retries=0)


def test_the_vendors_client_reads_the_claude_fake() -> None:
    async def main() -> None:
        async with FakeClaude([Reply(("One", " two"), (BONN,), thought="Hm.")]) as service:
            async with client_of(service) as client:
                manager = client.messages.stream(
                    model="claude-opus-5-5", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
                )
                async with manager as stream:
                    whole = await stream.get_final_message()
            assert [block.type for block in whole.content] == ["thinking", "text", "tool_use"]
            assert whole.stop_reason == "tool_use"

    asyncio.run(main())


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0.5},
        {"model": "claude-opus-5-5", "thinking": {"type": "disabled"}},
        {"model": "claude-haiku-4-5", "output_config": {"effort": "low"}},
        {"messages": [{"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": " "}]}]},
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": ""}]}]},
    ],
)
def test_the_claude_fake_refuses_what_the_vendor_would(wrong: dict[str, Any]) -> None:
    async def main() -> None:
        async with FakeClaude() as service, client_of(service) as client:
            messages = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
            body = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": messages, "stream": True, **wrong}
            with pytest.raises(anthropic.BadRequestError):
                await client.post("/v1/messages", body=body, cast_to=object)

    asyncio.run(main())
