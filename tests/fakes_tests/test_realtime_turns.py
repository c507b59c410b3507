"""The fake Realtime server in ordinary turns: order of events, ids, usage, transcripts."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

from tests.fakes.realtime_server import (
    QUOTA,
    Call,
    FakeRealtime,
    Heard,
    Pace,
    Reply,
    Request,
    Settings,
    calling,
    failing,
    tone,
)
from tests.fakes_tests.dialling import Client, dial, run

VAD: dict[str, Any] = {
    "input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 200, "prefix_padding_ms": 100}}
}
SILENCE = bytes(2 * 24 * 400)
SPOKEN = [
    "response.created",
    "rate_limits.updated",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]


def test_a_spoken_reply_has_all_events_in_order_and_all_its_audio():
    server = FakeRealtime([Reply("One two three four five six.", pcm=tone(650))])

    async def turn(client: Client) -> None:
        await client.say("Count!")
        client.got.clear()
        done = await client.reply()
        assert client.kinds() == SPOKEN
        assert client.audio() == tone(650)
        assert done["status"] == "completed"
        assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": "One two three four five six."}]
        assert done["output"][0]["id"] == client.got[-3]["item"]["id"]
        assert client.got[3]["previous_item_id"] == next(iter(server.session.conversation.entries))
        assert len({event["event_id"] for event in client.got}) == len(client.got)

    run(server, turn)


def test_text_only_replies_have_text_events():
    async def turn(client: Client) -> None:
        done = await client.reply()
        assert done["output"][0]["content"] == [{"type": "output_text", "text": "Only text."}]
        assert client.kinds()[5:7] == ["response.output_text.delta", "response.output_text.done"]

    run(FakeRealtime([Reply("Only text.")]), turn, output_modalities=["text"])


def test_push_to_talk_commits_and_only_then_answers_when_asked():
    server = FakeRealtime(transcripts=["turn on the lamp"])
    listening = {"input": {"turn_detection": None, "transcription": {"model": "gpt-transcribe"}}}

    async def turn(client: Client) -> None:
        await client.append(tone(300))
        await client.send("input_audio_buffer.commit")
        completed = await client.until("conversation.item.input_audio_transcription.completed")
        assert client.kinds() == [
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "conversation.item.input_audio_transcription.delta",
            "conversation.item.input_audio_transcription.completed",
        ]
        item = client.got[0]["item_id"]
        assert completed["transcript"] == "turn on the lamp"
        assert server.audio_received(item=item) == server.audio_received(session=1) == tone(300)
        await client.send("conversation.item.retrieve", item_id=item)
        content = (await client.next())["item"]["content"][0]
        assert (base64.b64decode(content["audio"]), content["transcript"]) == (tone(300), "turn on the lamp")
        assert (await client.reply())["status"] == "completed"

    run(server, turn, audio=listening)


def test_a_transcript_may_fail_or_come_after_the_reply():
    heard = [Heard("late", after_ms=50), Heard(failure=QUOTA)]
    listening = {"input": {"turn_detection": None, "transcription": {"model": "gpt-transcribe"}}}

    async def turn(client: Client) -> None:
        await client.append(tone(300))
        await client.send("input_audio_buffer.commit")
        await client.reply()
        assert (await client.until("conversation.item.input_audio_transcription.completed"))["transcript"] == "late"
        await client.append(tone(300))
        await client.send("input_audio_buffer.commit")
        failed = await client.until("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["code"] == "insufficient_quota"

    run(FakeRealtime(transcripts=heard), turn, audio=listening)


def test_server_vad_finds_the_turn_commits_it_and_answers():
    server = FakeRealtime([Reply("I heard you.")])

    async def turn(client: Client) -> None:
        await client.append(SILENCE + tone(500) + SILENCE)
        await client.until("response.done")
        assert client.kinds()[:6] == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
        ]
        started, stopped = client.got[:2]
        assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (300, 1100)
        assert len(server.audio_received(item=started["item_id"])) == 800 * 48

    run(server, turn, audio=VAD)


def test_semantic_vad_waits_longer_and_creates_no_response_when_told_not_to():
    detection = {"type": "semantic_vad", "eagerness": "high", "create_response": False}

    async def turn(client: Client) -> None:
        await client.append(tone(200) + bytes(580 * 48))
        await client.append(bytes(20 * 48))
        assert (await client.until("input_audio_buffer.speech_stopped"))["audio_end_ms"] == 800
        await client.until("conversation.item.done")
        assert (await client.reply())["status"] == "completed"

    run(FakeRealtime(), turn, audio={"input": {"turn_detection": detection}})


def test_speaking_into_a_reply_cancels_it_and_the_next_one_comes():
    slow = Reply("A long story about a dog and a cat.", pace=Pace(speed=2))

    async def turn(client: Client) -> None:
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.append(tone(200) + SILENCE)
        done = (await client.until("response.done"))["response"]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected")
        assert done["output"][0]["status"] == "incomplete"
        assert (await client.until("response.done"))["response"]["status"] == "completed"

    run(FakeRealtime([slow]), turn, audio=VAD)


def test_with_interrupt_response_off_the_reply_goes_on_and_a_second_is_refused():
    detection = {"type": "server_vad", "silence_duration_ms": 200, "interrupt_response": False}

    async def turn(client: Client) -> None:
        await client.send("response.create")
        await client.until("response.created")
        await client.append(tone(200) + SILENCE)
        assert (await client.until("error"))["error"]["code"] == "conversation_already_has_active_response"
        assert (await client.until("response.done"))["response"]["status"] == "completed"

    slow = Reply("Listen.", think_ms=80)
    run(FakeRealtime([slow]), turn, audio={"input": {"turn_detection": detection}})


def test_parallel_function_calls_and_their_outputs():
    script = [calling(Call("lamp", '{"on": true, "room": "kitchen"}'), Call("timer", "{}", "call_mine"), text="Sure.")]

    async def turn(client: Client) -> None:
        done = await client.reply()
        message, lamp, timer = done["output"]
        assert (message["type"], lamp["name"], timer["call_id"]) == ("message", "lamp", "call_mine")
        assert json.loads(lamp["arguments"]) == {"on": True, "room": "kitchen"}
        deltas = [event for event in client.got if event["type"] == "response.function_call_arguments.delta"]
        assert "".join(event["delta"] for event in deltas if event["output_index"] == 1) == lamp["arguments"]
        for call in (lamp, timer):
            output = {"type": "function_call_output", "call_id": call["call_id"], "output": "done"}
            await client.send("conversation.item.create", item=output)
            await client.until("conversation.item.done")
        assert (await client.reply())["output"][0]["type"] == "message"
        other = {"type": "function_call_output", "call_id": "call_other", "output": "done"}
        await client.send("conversation.item.create", item=other)
        error = await client.error()
        assert (error["code"], error["message"]) == (
            "invalid_tool_call_id",
            "Tool call ID 'call_other' not found in conversation.",
        )

    run(FakeRealtime(script), turn)


def test_failed_and_incomplete_responses():
    async def turn(client: Client) -> None:
        failed = await client.reply()
        assert failed["status"] == "failed"
        assert failed["status_details"]["error"]["code"] == "insufficient_quota"
        assert failed["output"] == []
        cut = await client.reply()
        assert (cut["status"], cut["status_details"]["reason"]) == ("incomplete", "max_output_tokens")
        assert cut["output"][0]["status"] == "incomplete"

    run(FakeRealtime([failing(QUOTA), Reply("Too long", incomplete="max_output_tokens")]), turn)


def test_cached_tokens_are_a_subset_of_the_input():
    async def turn(client: Client) -> None:
        await client.say("word " * 100)
        first = (await client.reply())["usage"]
        second = (await client.reply())["usage"]
        assert first["input_token_details"]["cached_tokens"] == 0
        details = second["input_token_details"]
        assert details["cached_tokens"] == 128
        assert sum(details["cached_tokens_details"].values()) == details["cached_tokens"] < second["input_tokens"]
        assert second["total_tokens"] == second["input_tokens"] + second["output_tokens"]
        assert second["output_token_details"]["audio_tokens"] == 600 // 50

    run(FakeRealtime(), turn)


def test_out_of_band_responses_run_beside_and_stay_out_of_the_conversation():
    def decide(request: Request) -> Reply:
        return Reply(f"{len(request.items)} items", think_ms=0 if request.params.get("conversation") else 60)

    async def turn(client: Client) -> None:
        await client.say("Hello")
        await client.send("response.create")
        await client.until("response.created")
        aside = {"conversation": "none", "metadata": {"topic": "title"}, "output_modalities": ["text"], "input": []}
        done = await client.reply(**aside)
        assert (done["metadata"], done["conversation_id"]) == ({"topic": "title"}, None)
        assert done["output"][0]["content"][0]["text"] == "0 items"
        assert "conversation.item.added" not in client.kinds()[2:]
        main = (await client.until("response.done"))["response"]
        assert main["output"][0]["content"][0]["transcript"] == "1 items"
        reference = {"type": "item_reference", "id": main["output"][0]["id"]}
        again = await client.reply(conversation="none", input=[reference])
        assert again["output"][0]["content"][0]["transcript"] == "1 items"

    run(FakeRealtime(decide), turn)


def test_pace_keeps_order_and_time():
    pace = Pace(delta_ms=100, speed=10, burst_ms=200, jitter_ms=10)

    async def turn(client: Client) -> None:
        began = time.monotonic()
        await client.reply()
        assert time.monotonic() - began >= 0.08
        assert client.audio() == tone(1000)
        at = [seen.at for seen in server.events("response.output_audio.delta", "out")]
        assert at == sorted(at)

    server = FakeRealtime([Reply("Ten", pcm=tone(1000), pace=pace)])
    run(server, turn)


def test_a_round_trip_takes_its_time_and_keeps_the_order():
    async def main() -> None:
        async with FakeRealtime(settings=Settings(rtt_ms=60)) as server, dial(server) as socket:
            client = Client(socket)
            await client.next()
            began = time.monotonic()
            await client.send("input_audio_buffer.clear")
            await client.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
            assert (await client.next())["type"] == "input_audio_buffer.cleared"
            assert (await client.next())["type"] == "session.updated"
            assert 0.06 <= time.monotonic() - began < 0.2
            arrived = server.events("input_audio_buffer.clear", "in")[0]
            assert arrived.at - began < 0.03

    asyncio.run(main())
