"""What the fake Realtime server refuses, in the vendor's words, and that it goes on afterwards."""

from __future__ import annotations

from tests.fakes.realtime_server import FakeRealtime, Pace, Reply, Settings, tone
from tests.fakes_tests.dialling import Client, run

MESSAGE = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}


def test_a_malformed_event_is_answered_and_recorded_and_the_session_goes_on():
    server = FakeRealtime()

    async def turn(client: Client) -> None:
        await client.send("session.update", event_id="mine", session={"type": "realtime", "temperature": 0.8})
        error = await client.error()
        assert (error["code"], error["param"], error["event_id"]) == (
            "unknown_parameter",
            "session.temperature",
            "mine",
        )
        await client.send("transcription_session.update", session={})
        assert (await client.error())["message"].startswith("Invalid value: 'transcription_session.update'. Supported")
        await client.socket.send("{not json")
        assert (await client.error())["code"] == "invalid_json"
        assert (await client.reply())["status"] == "completed"

    run(server, turn)
    assert server.violations[0].message == "Unknown parameter: 'session.temperature'."


def test_one_response_at_a_time():
    async def turn(client: Client) -> None:
        await client.send("response.create")
        created = await client.until("response.created")
        await client.send("response.create", event_id="second")
        error = (await client.until("error"))["error"]
        assert error["code"] == "conversation_already_has_active_response"
        assert error["message"] == (
            f"Conversation already has an active response in progress: {created['response']['id']}. "
            "Wait until the response is finished before creating a new one."
        )
        assert error["event_id"] == "second"
        await client.send("response.cancel", response_id="resp_other")
        assert (await client.error())["code"] == "response_cancel_not_active"
        await client.send("response.cancel", response_id=created["response"]["id"])
        done = (await client.until("response.done"))["response"]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "client_cancelled")
        assert done["output"] == []
        assert (await client.reply())["status"] == "completed"

    run(FakeRealtime([Reply("Never said", think_ms=5000)]), turn)


def test_a_cancel_before_response_created_finds_nothing_active():
    async def turn(client: Client) -> None:
        await client.send("response.create")
        await client.send("response.cancel")
        assert (await client.error())["code"] == "response_cancel_not_active"
        assert (await client.until("response.done"))["response"]["status"] == "completed"

    run(FakeRealtime(settings=Settings(accept_ms=30)), turn)


def test_a_cancelled_reply_is_cut_where_it_was_and_truncates_only_within_what_was_sent():
    server = FakeRealtime([Reply("one two three four five six", pcm=tone(3000), pace=Pace(speed=10))])

    async def turn(client: Client) -> None:
        await client.send("response.create")
        for _ in range(3):
            await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        done = (await client.until("response.done"))["response"]
        item = done["output"][0]
        sent = len(client.audio()) // 48
        assert sent < 3000
        assert client.kinds()[-6:-1] == [
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
        ]
        assert (item["status"], item["content"][0]["transcript"]) != ("completed", "one two three four five six")
        where = {"item_id": item["id"], "content_index": 0}
        await client.send("conversation.item.truncate", **where, audio_end_ms=sent + 1)
        assert (await client.error())["message"] == f"Audio content of {sent}ms is already shorter than {sent + 1}ms"
        await client.send("conversation.item.truncate", **where, audio_end_ms=150)
        assert (await client.next())["audio_end_ms"] == 150
        await client.send("conversation.item.truncate", **where, audio_end_ms=151)
        assert (await client.error())["message"] == "Audio content of 150ms is already shorter than 151ms"
        assert "transcript" not in server.session.conversation.items[-1]["content"][0]

    run(server, turn)


def test_only_the_models_audio_can_be_truncated():
    async def turn(client: Client) -> None:
        await client.say("Hi")
        item = client.got[0]["item"]["id"]
        await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=0)
        assert (await client.error())["message"] == "Only model output audio messages can be truncated"

    run(FakeRealtime(), turn)


def test_the_voice_is_free_until_it_has_spoken():
    async def turn(client: Client) -> None:
        updated = await client.update(audio={"output": {"voice": "marin"}})
        assert updated["session"]["audio"]["output"]["voice"] == "marin"
        assert updated["session"]["audio"]["input"]["turn_detection"] is None
        await client.reply()
        refused = await client.update(audio={"output": {"voice": "cedar"}})
        assert refused["error"]["code"] == "cannot_update_voice"
        assert (await client.update(audio={"output": {"voice": "marin"}}))["type"] == "session.updated"

    run(FakeRealtime(), turn)


def test_items_are_placed_retrieved_and_deleted():
    async def turn(client: Client) -> None:
        for name, after in (("item_b", None), ("item_a", "root"), ("item_c", "item_a")):
            place = {"previous_item_id": after} if after else {}
            await client.send("conversation.item.create", item={**MESSAGE, "id": name}, **place)
            await client.until("conversation.item.done")
        assert [event.get("previous_item_id") for event in client.got[1::2]] == [None, None, "item_a"]
        await client.send("conversation.item.create", item=MESSAGE, previous_item_id="item_z")
        assert (await client.error())["param"] == "previous_item_id"
        await client.send("conversation.item.delete", item_id="item_b")
        assert (await client.next())["type"] == "conversation.item.deleted"
        await client.send("conversation.item.retrieve", item_id="item_b")
        assert (await client.error())["code"] == "item_retrieve_invalid_item_id"

    run(FakeRealtime(), turn)


def test_clear_forgets_the_audio_but_not_the_time():
    async def turn(client: Client) -> None:
        await client.append(tone(400))
        await client.send("input_audio_buffer.clear")
        assert (await client.until("input_audio_buffer.cleared"))["type"] == "input_audio_buffer.cleared"
        await client.append(tone(50))
        await client.send("input_audio_buffer.commit")
        assert "only has 50.00ms of audio" in (await client.error())["message"]
        await client.update(audio={"input": {"turn_detection": {"type": "server_vad", "prefix_padding_ms": 0}}})
        await client.append(bytes(100 * 48) + tone(100))
        assert (await client.until("input_audio_buffer.speech_started"))["audio_start_ms"] == 550

    run(FakeRealtime(), turn)
