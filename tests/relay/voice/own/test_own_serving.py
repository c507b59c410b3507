"""The relay's own offline engine (its worker a stand-in) behind /v1/realtime: who can use it, and how they share it."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from edge.agents.local.engine import LocalAgent
from edge.agents.local.responder import Settings
from edge.agents.realtime import session as ours
from edge.agents.realtime.client import RealtimeAgent
from edge.agents.realtime.line import Address
from edge.core.events import AgentReady, Event, ReplyAudio, ReplyEnded, ReplyText, ToolCalled, TranscriptHeard
from edge.core.history import History
from edge.ports import Post
from edge.relay.voice.own.engines import Engines
from edge.relay.voice.own.floor import Floor
from edge.testing import SimulatedDevice
from tests.fakes.realtime.schema import check_server
from tests.relay.rig import Relay
from tests.relay.voice.own.visiting import HELLO
from tests.relay.voice.talking import Talker, before, desk, in_loop, page, program, relaying, talker
from tests.waiting import wait_until

WORKER = Path(__file__).parents[3] / "fakes/worker.py"


@asynccontextmanager
async def serving(
    folder: Path, monkeypatch: pytest.MonkeyPatch, server: dict[str, Any], **plan: Any
) -> AsyncIterator[Relay]:
    """A relay without a vendor's key."""
    work = folder / "work"
    work.mkdir()
    command = (sys.executable, str(WORKER), str(work), json.dumps(plan))
    settings = Settings(Path("ears"), Path("mind"), worker=command)

    def make(post: Post, history: History, timers: Callable[[], int]) -> LocalAgent:
        return LocalAgent(settings, post, lambda: "", timers, history=history)

    async with relaying(folder, before("", engine="local", **server), monkeypatch) as relay:
        desk(relay).engines = Engines(relay.house.config, make)
        yield relay


def shared(relay: Relay) -> Floor:
    """By all conversations."""
    found = desk(relay).engines._shared
    assert found is not None
    return found


def thoughts(folder: Path) -> list[str]:
    """What the language model was given, turn by turn, without what only primes it."""
    heads = [json.loads(path.read_text()) for path in sorted((folder / "work").glob("think-*.json"))]
    return [json.dumps(head["messages"]) for head in heads if head.get("most") != 1]


async def typed(client: Talker, words: str, done: int) -> dict[str, Any]:
    """The response."""
    content = [{"type": "input_text", "text": words}]
    await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    await client.send("response.create")
    found: dict[str, Any] = (await client.next("response.done", done, 20))["response"]
    return found


def test_conversations_share_the_engine_and_know_nothing_of_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        async with serving(tmp_path, monkeypatch, {}, mind=["Certainly."]) as relay:
            ada, bob = await talker(relay, program(relay, "ada")), await talker(relay, program(relay, "bob"))
            await asyncio.gather(ada.next("session.created"), bob.next("session.created"))
            for number, (one, two) in enumerate([("my dog is Rex", "my cat is Tom"), ("what is it", "who is it")], 1):
                first, second = await asyncio.gather(typed(ada, one, number), typed(bob, two, number))
                assert (first["status"], second["status"]) == ("completed", "completed")
                assert first["output"][0]["content"][0]["transcript"] == "Certainly."
            again = await typed(bob, "repeat that", 3)
            assert again["status"] == "completed"
            found = thoughts(tmp_path)
            assert all(("Rex" in thought) != ("Tom" in thought) for thought in found)
            mine = [thought for thought in found if "what is it" in thought]
            assert "Rex" in mine[0]
            for event in ada.events + bob.events:
                if not event["type"].startswith("session."):
                    check_server(event)
            await ada.close()
            await bob.close()
            await wait_until(lambda: not shared(relay).seats)
            eve = await talker(relay, program(relay, "eve"))
            await typed(eve, "what did they say", 1)
            assert not any(word in thoughts(tmp_path)[-1] for word in ("Rex", "Tom"))
            await eve.close()

    in_loop(work)


def test_somebody_who_only_listens_holds_nobody_up_and_loses_no_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        async with serving(tmp_path, monkeypatch, {}, mind=["Certainly."]) as relay:
            slow, quick = await talker(relay, program(relay, "slow")), await talker(relay, program(relay, "quick"))
            off = {"type": "realtime", "audio": {"input": {"turn_detection": None, "transcription": {"model": "any"}}}}
            await slow.send("session.update", session=off)
            second = base64.b64encode(bytes(48_000)).decode()
            await slow.send("input_audio_buffer.append", audio=second)
            await asyncio.sleep(0.3)
            assert (await typed(quick, "hello there you", 1))["status"] == "completed"
            await slow.send("input_audio_buffer.append", audio=second)
            await slow.send("input_audio_buffer.commit")
            await slow.send("response.create")
            heard = await slow.next("conversation.item.input_audio_transcription.completed", limit=20)
            assert heard["transcript"] == "tell me about 2.0 dogs"
            await slow.close()
            await quick.close()

    in_loop(work)


def test_more_than_can_wait_are_told_that_it_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.relay.voice.own.floor.MOST_QUEUE", 1)

    async def work() -> None:
        async with serving(tmp_path, monkeypatch, {}, mind=["Yes."], hold={"think": "*"}) as relay:
            clients = [await talker(relay, program(relay, f"c{n}")) for n in range(3)]
            asked = [asyncio.ensure_future(typed(client, "tell me a story of dogs", 1)) for client in clients[:2]]
            await wait_until(lambda: shared(relay)._queue)
            last = await typed(clients[2], "hello there you", 1)
            assert last["status"] == "failed"
            assert "Too many people" in last["status_details"]["error"]["message"]
            (tmp_path / "work/go").touch()
            assert [(await answer)["status"] for answer in asked] == ["completed"] * 2
            for client in clients:
                await client.close()

    in_loop(work)


def test_the_vendors_client_talks_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with serving(tmp_path, monkeypatch, {}, mind=["Certainly.", " I", " do."]) as relay:
            client = AsyncOpenAI(api_key=relay.token("client", "sdk"), base_url=f"{relay.url}/v1")
            async with client.realtime.connect(model="gpt-realtime") as connection:
                await connection.session.update(session={
                    "type": "realtime", "output_modalities": ["audio"],
                    "audio": {"input": {"turn_detection": {"type": "server_vad"}, "transcription": {"model": "any"}}},
                })  # fmt: skip
                pcm = b"".join(piece.tobytes() for piece in (_wide(HELLO), _wide(HELLO * 0)))
                for at in range(0, len(pcm), 9600):
                    piece = base64.b64encode(pcm[at : at + 9600]).decode()
                    await connection.input_audio_buffer.append(audio=piece)
                seen: list[Any] = []
                async for event in connection:
                    seen.append(event)
                    if event.type == "response.done":
                        break
                kinds = [event.type for event in seen]
                assert kinds[:2] == ["session.created", "session.updated"]
                assert "input_audio_buffer.speech_started" in kinds
                assert "conversation.item.input_audio_transcription.completed" in kinds
                assert seen[-1].response.output[0].content[0].transcript == "Certainly. I do."
                assert sum(len(event.delta) for event in seen if event.type == "response.output_audio.delta") > 10_000
            await client.close()

    in_loop(work)


def _wide(samples: Any) -> Any:
    import soxr

    return soxr.resample(samples, 16_000, 24_000)


def test_this_projects_own_client_talks_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with serving(tmp_path, monkeypatch, {}, mind=["Certainly."]) as relay:
            events: list[Event] = []
            where = Address(f"{relay.ws}/v1/realtime?model=any", program(relay, "device"))
            clock = ours.FunctionTool("get_time", "Tell the time.", {"type": "object", "properties": {}})
            settings = ours.Settings("Be brief.", transcription=ours.Transcription(), tools=(clock,))
            agent = RealtimeAgent(where, settings, events.append)
            await agent.open()
            await wait_until(lambda: any(isinstance(event, AgentReady) for event in events))
            for turn in (1, 2):
                agent.audio(turn, HELLO.tobytes())
                agent.end_of_turn(turn)
                await wait_until(lambda turn=turn: _ended(events, turn))  # type: ignore[misc]
            assert "".join(e.text for e in events if isinstance(e, ReplyText) and e.turn == 2).strip() == "Certainly."
            heard = next(e.text for e in events if isinstance(e, TranscriptHeard) and e.final)
            assert heard.startswith("tell me about 1.5 dogs")
            assert sum(len(e.pcm) for e in events if isinstance(e, ReplyAudio)) > 1000
            agent.text(3, "What time is it?")
            await wait_until(lambda: any(isinstance(event, ToolCalled) for event in events))
            call = next(event for event in events if isinstance(event, ToolCalled))
            agent.tool_result(3, call.call, {"time": "12:30"})
            await wait_until(lambda: _ended(events, 3))
            agent.say(4, "Tea is ready.")
            await wait_until(lambda: _ended(events, 4))
            assert "Tea is ready." in "".join(e.text for e in events if isinstance(e, ReplyText) and e.turn == 4)
            assert all(e.outcome == "done" for e in events if isinstance(e, ReplyEnded))
            await agent.close()

    in_loop(work)


def _ended(events: list[Event], turn: int) -> bool:
    return any(isinstance(event, ReplyEnded) and event.turn == turn for event in events)


def test_a_whole_device_talks_through_the_relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a daemon with realtime.url = the relay: press, speak, hear the answer, interrupt it."""

    async def work() -> None:
        async with serving(tmp_path, monkeypatch, {}, mind=["Certainly."] * 40) as relay:
            where = Address(f"{relay.ws}/v1/realtime?model=any", program(relay, "device"))
            device = SimulatedDevice()

            def post(event: Event) -> None:
                device.daemon.post(event)

            device.agent = RealtimeAgent(where, ours.Settings(transcription=ours.Transcription()), post)
            async with device:
                await device.run_until(lambda: device.daemon.conversation.ready)
                device.press()
                await device.hear(HELLO, then=1.0)
                await device.until("speaking")
                await device.run(0.5)
                device.press()
                await device.until("listening")
                device.press()
                await device.until("idle")
                heard = device.watcher.of("user_transcript")
                assert str(heard[-1]["text"]).startswith("tell me about")

    in_loop(work)


def test_a_person_without_a_vendor_has_the_relays_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with serving(tmp_path, monkeypatch, {"call_minutes": 0.25}, mind=["Certainly."]) as relay:
            client = await talker(relay, page(relay, relay.person("Ada")))
            session = (await client.next("session.updated"))["session"]  # as where the vendor answers
            assert session["audio"]["input"]["transcription"] is not None
            assert session["audio"]["input"]["turn_detection"]["interrupt_response"] is True
            assert session["instructions"] == relay.house.config.realtime.instructions
            await client.send("session.update", session={"type": "realtime", "tools": []}, event_id="mine")
            refused = (await client.next("error"))["error"]
            assert (refused["code"], refused["event_id"]) == ("session_pinned", "mine")
            answer = await typed(client, "what time is it", 1)  # the relay's own clock, no tool of the client
            assert answer["status"] == "completed"
            assert not [item for item in answer["output"] if item["type"] == "function_call"]
            assert (await client.next("relay.warning", limit=20))["code"] == "time"
            assert await client.end() == (1001, "session_expired")

    in_loop(work)


def test_who_floods_or_does_not_read_is_slowed_down_or_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.relay.voice.own.serving.BURST_BYTES", 100_000)
    monkeypatch.setattr("edge.relay.voice.own.serving.RATE_BYTES", 100_000)
    monkeypatch.setattr("edge.relay.voice.own.serving.STALL_S", 0.5)

    async def work() -> None:
        async with serving(tmp_path, monkeypatch, {}, mind=["Certainly."]) as relay:
            flooding = await talker(relay, program(relay, "flood"))
            loop = asyncio.get_running_loop()
            began = loop.time()
            for _ in range(8):
                await flooding.send("input_audio_buffer.append", audio=base64.b64encode(bytes(30_000)).decode())
            await flooding.send("nonsense")
            await flooding.next("error")
            assert loop.time() - began > 1.5
            await flooding.close()
            deaf = await connect(f"{relay.ws}/v1/realtime", additional_headers=program(relay, "deaf"), max_queue=1)
            monkeypatch.setattr("edge.relay.voice.own.serving.RATE_BYTES", 1 << 30)
            asked = json.dumps({"type": "session.update", "session": {"instructions": "x" * 40_000}})
            ends = relay.house.metrics.counter("voice_ends_total", "")

            async def ask() -> None:
                with suppress(ConnectionClosed):
                    while True:
                        await deaf.send(asked)

            asking = asyncio.ensure_future(ask())
            await wait_until(lambda: ends.values.get((("code", "too_slow"),)), 30)
            asking.cancel()
            deaf.transport.abort()

    in_loop(work, 60)


def test_without_any_engine_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with relaying(tmp_path, before("", engine="chained"), monkeypatch, key="") as relay:
            client = await talker(relay, program(relay))
            assert await client.end() == (1011, "no_engine")
            assert "chained" in client.of("error")[0]["error"]["message"]

    in_loop(work)
