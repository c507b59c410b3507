"""What is Google's own."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from google import genai
from google.genai import types

from edge.config import Llm
from edge.core.chain import Call, Fault
from tests.agents.chained.llm.benches import GEMINI, WEATHER, all_of, ask, assistant, calls, failure, result, text
from tests.fakes.minds.gemini import NO_SIGNATURE, SIGNATURE, FakeGemini, thinking
from tests.fakes.minds.sse import KEY, Reply

BONN = ("weather", '{"city": "Bonn"}')


@pytest.mark.parametrize(
    ("model", "level", "budget"),
    [
        ("gemini-3.5-flash-lite", "MINIMAL", None),
        ("gemini-3.6-flash", "MINIMAL", None),
        ("gemini-3.8-flash", "LOW", None),
        ("gemini-3.1-pro-preview", "LOW", None),
        ("gemini-flash-latest", "LOW", None),
        ("gemini-2.5-flash", None, 0),
        ("gemini-2.5-pro", None, 128),
        ("gemini-2.0-flash", None, None),
    ],
)
def test_every_generation_thinks_as_little_as_it_can(model: str, level: str | None, budget: int | None) -> None:
    async def test(mind, service):
        assert text(await all_of(mind)) == "Hello there."
        config = thinking(service.last.body)
        assert (config.thinking_level and config.thinking_level.value, config.thinking_budget) == (level, budget)

    GEMINI.run(test, config=Llm(model=model))


def test_thoughts_are_not_spoken() -> None:
    async def test(mind, service):
        assert text(await all_of(mind)) == "Hello there."

    GEMINI.run(test, Reply(thought="They greet me."))


def test_what_the_model_signed_goes_back() -> None:
    async def test(mind, service):
        found = calls(await all_of(mind, ask("Weather?", tools=(WEATHER,))))
        results = [result(call, '{"sky": "rain"}') for call in found]
        await all_of(mind, ask("Weather?", assistant("", *found), *results))
        made, answered = service.last.body["contents"][1:]
        assert [part.get("thoughtSignature") for part in made["parts"]] == [SIGNATURE, None]
        assert [part["functionCall"]["id"] for part in made["parts"]] == ["id0", "id1"]
        assert answered["parts"][1]["functionResponse"] == {
            "id": "id1", "name": "weather", "response": {"sky": "rain"},
        }  # fmt: skip

    GEMINI.run(test, Reply((), (BONN, BONN)))


def test_a_call_that_another_vendors_model_made_is_marked_as_such() -> None:
    async def test(mind, service):
        call = Call("call_1", "weather", {}, 'claude:[{"type": "thinking"}]')
        await all_of(mind, ask("Weather?", assistant("", call), result(call, "{}")))
        assert service.last.body["contents"][1]["parts"][0]["thoughtSignature"] == NO_SIGNATURE

    GEMINI.run(test, config=Llm(model="gemini-3.8-flash"))


def test_calls_without_ids_get_some_that_stay_here() -> None:
    async def test(mind, service):
        service.ids = False
        found = calls(await all_of(mind, ask("Weather?", tools=(WEATHER,))))
        assert len({call.id for call in found}) == 2
        await all_of(mind, ask("Weather?", assistant("", *found), *[result(call, "{}") for call in found]))
        assert "made-here" not in str(service.last.body)

    GEMINI.run(test, Reply((), (BONN, BONN)))


def test_a_question_that_is_blocked() -> None:
    async def test(mind, service):
        service.blocked = True
        assert text(await all_of(mind)) == "I can't help with that."

    GEMINI.run(test)


def test_a_call_that_the_model_could_not_write_is_no_empty_reply() -> None:
    async def test(mind, service):
        service.faults.kind, service.faults.after = "malformed", 0
        service.faults.malformed = '{"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}'
        failed = await failure(mind)
        assert failed.fault is Fault.SERVICE
        assert "MALFORMED_FUNCTION_CALL" in str(failed)

    GEMINI.run(test)


def test_a_refused_key_comes_as_a_bad_request() -> None:
    async def test(mind, service):
        service.keys = set()
        assert (await failure(mind)).fault is Fault.KEY

    GEMINI.run(test, refused=True)


@pytest.mark.parametrize(("problem", "fault", "wait"), [("minute", Fault.BUSY, 17.0), ("quota", Fault.QUOTA, 0.0)])
def test_a_quota_a_minute_is_not_the_account(problem: str, fault: Fault, wait: float) -> None:
    async def test(mind, service):
        service.faults.status, service.faults.problem = 429, problem
        failed = await failure(mind)
        assert (failed.fault, failed.retry_after) == (fault, wait)

    GEMINI.run(test)


@pytest.mark.parametrize(
    ("suffix", "model", "version"),
    [("", "gemini-3.6-flash", "v1"), ("", "gemini-flash-latest", "v1beta"), ("/v1beta", "gemini-3.6-flash", "v1beta")],
)
def test_the_version_of_the_protocol(suffix: str, model: str, version: str) -> None:
    async def main() -> None:
        async with FakeGemini() as service:
            mind = GEMINI.mind(Llm(url=service.url + suffix, model=model))
            assert text(await all_of(mind)) == "Hello there."
            assert service.last.path.startswith(f"/{version}/models/{model}:")
            await mind.close()

    asyncio.run(main())


def test_the_vendors_client_reads_the_gemini_fake() -> None:
    async def main() -> None:
        async with FakeGemini([Reply(("One", " two"), (BONN,))]) as service:
            async with httpx2.AsyncClient() as http:
                options = types.HttpOptions(base_url=service.url, httpx_async_client=http)
                client = genai.Client(api_key=KEY, http_options=options)
                stream = await client.aio.models.generate_content_stream(model="gemini-3.6-flash", contents="Hi")
                chunks = [chunk async for chunk in stream]
                client.close()
            contents = [one.content for chunk in chunks for one in chunk.candidates or () if one.content]
            parts = [part for content in contents for part in content.parts or ()]
            assert "".join(part.text or "" for part in parts) == "One two"
            assert [part.function_call.args for part in parts if part.function_call] == [{"city": "Bonn"}]

    asyncio.run(main())


@pytest.mark.parametrize(
    "wrong",
    [
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "MINIMAL"}}},
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW", "thinkingBudget": 0}}},
        {"mood": "good"},
        {"contents": [{"role": "model", "parts": [{"text": "Hi"}]}]},
        {"contents": [{"role": "user", "parts": [{"text": ""}]}]},
        {
            "contents": [
                {"role": "user", "parts": [{"text": "Hi"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "a", "args": {}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "a", "response": {}}}]},
            ]
        },
    ],
)
def test_the_gemini_fake_refuses_what_the_vendor_would(wrong: dict[str, object]) -> None:
    async def main() -> None:
        async with FakeGemini() as service, httpx2.AsyncClient() as http:
            url = f"{service.url}/v1/models/gemini-3.8-flash:streamGenerateContent?alt=sse"
            body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], **wrong}
            answer = await http.post(url, json=body, headers={"x-goog-api-key": KEY})
            assert answer.status_code == 400

    asyncio.run(main())
