"""Turns on the real daemon: told while it runs, kept when it is killed, drawn, and read by Prometheus."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests import rig as sound
from tests.fakes.collector import attributes, collecting
from tests.fakes.realtime.script import Reply
from tests.fakes.realtime.server import FakeRealtime
from tests.speech import models_present

pytestmark = [
    pytest.mark.long,
    pytest.mark.pulse,
    pytest.mark.skipif(bool(sound.missing()), reason=f"needs {', '.join(sound.missing())} (apt install pulseaudio)"),
    pytest.mark.skipif(not models_present(), reason="the offline models are not here: edge-voice models fetch"),
]


def scraped(path: Path) -> tuple[http.client.HTTPResponse, str]:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(20)
        line.connect(str(path))
        line.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        response = http.client.HTTPResponse(line)
        response.begin()
        return response, response.read().decode()


def test_a_turn_is_found_by_one_id_everywhere(tmp_path: Path) -> None:
    """In its events, in the store and at a collector of traces, without a word of what was said."""
    with collecting() as there, sound.rig(tmp_path) as rig:
        settings = {"EDGE_VOICE_LOCAL__LLM": "off", "EDGE_VOICE_CONVERSATION__FOLLOW_UP_S": "0"}
        settings |= {"EDGE_VOICE_INSIGHT__OTLP": there.url, "OTLP_HEADERS": "x-team=kitchen"}
        device = sound.Running(rig, **settings, EDGE_VOICE_DEVICE__NAME="kitchen")
        device.wait_ready()
        device.call("ask", "what time is it")
        device.wait_count("turn", 1)
        sound.wait_for(lambda: there.named("invoke_agent kitchen"), 40, "the turn's span", device.text)
        [turn] = json.loads(device.call("turns", "--json").stdout)
        [event] = device.of("turn")
        [whole] = there.named("invoke_agent kitchen")
        assert turn["trace"] == event["trace"] == whole.trace_id.hex()
        assert {span.trace_id.hex() for span in there.spans} == {turn["trace"]}
        assert {"playback", "chat"} <= {span.name for span in there.spans}
        assert there.headers[0]["X-Team"] == "kitchen"
        assert there.resources[0]["service.instance.id"] == "kitchen"
        assert "what time" not in str(there.spans).lower()
        assert "edge_voice_spans_dropped 0" in device.call("metrics").stdout
        device.process.terminate()
        assert device.process.wait(20) == 0


def test_the_vendor_gets_the_turns_id_and_we_keep_the_vendors(tmp_path: Path) -> None:
    """The vendor's server is the fake one; the daemon is the real one, and so is what it exports."""

    def talk(url: str, collector_url: str) -> tuple[list[dict[str, Any]], str]:
        settings = {"OPENAI_API_KEY": "sk-of-the-test", "EDGE_VOICE_REALTIME__URL": url,
                    "EDGE_VOICE_ENGINE__USE": "realtime", "EDGE_VOICE_INSIGHT__OTLP": collector_url,
                    "EDGE_VOICE_CONVERSATION__FOLLOW_UP_S": "0"}  # fmt: skip
        with sound.rig(tmp_path) as rig:
            device = sound.Running(rig, **settings)
            device.wait_ready()
            device.call("ask", "what time is it")
            device.wait_count("turn", 1)
            device.wait_count("usage", 1)
            turns = json.loads(device.call("turns", "--json").stdout)
            device.process.terminate()
            assert device.process.wait(20) == 0
            return turns, device.text()

    async def main() -> None:
        with collecting() as there:
            async with FakeRealtime([Reply("It is four.")]) as server:
                [turn], log = await asyncio.to_thread(talk, server.url, there.url)
            [asked] = server.events("response.create")
            assert asked.event["event_id"].endswith(f"_{turn['trace']}")
            assert f"trace={turn['trace']}" in log
            [chat] = there.named("chat gpt-realtime-2.1")  # sent at the end, which does not wait for what may come
            found = attributes(chat)
            assert turn["vendor"] == [{"response": found["gen_ai.response.id"]}]
            assert (found["gen_ai.provider.name"], found["gen_ai.operation.name"]) == ("openai", "chat")
            assert found["gen_ai.usage.output_tokens"] > 0

    asyncio.run(main())


def test_a_killed_daemon_forgets_no_turn(tmp_path: Path) -> None:
    with sound.rig(tmp_path) as rig:
        settings = {"EDGE_VOICE_LOCAL__LLM": "off", "EDGE_VOICE_CONVERSATION__FOLLOW_UP_S": "0"}
        device = sound.Running(rig, **settings)
        device.wait_ready()
        device.call("ask", "what time is it")
        device.wait_count("turn", 1)
        before = json.loads(device.call("turns", "--json").stdout)
        assert [(turn["turn"], turn["kind"], turn["engine"]) for turn in before] == [(1, "text", "local")]
        assert before[0]["latency_ms"]["first_sound"] > 0
        found = list(tmp_path.rglob("control.sock"))
        response, text = scraped(found[0])
        assert (response.status, response.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert 'edge_voice_turns_total{engine="local",kind="text"} 1' in text
        assert not list(tmp_path.rglob("insight.db"))  # nothing is written to the card per turn
        device.process.kill()
        device.process.wait(20)

        again = sound.Running(rig, **settings)
        again.wait_ready()
        assert json.loads(again.call("turns", "--json").stdout) == before
        assert "Today 0.0000 USD" in again.call("usage").stdout
        assert again.call("turns", "--plot", str(tmp_path / "t.png")).returncode == 0
        assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
        again.process.terminate()
        assert again.process.wait(20) == 0
        assert len(list(tmp_path.rglob("insight.db"))) == 1
        assert "time" not in next(iter(tmp_path.rglob("insight.db"))).read_bytes().decode("latin-1").lower()  # no words
