"""The vendor of WebRTC calls: the fake's HTTP, sideband and session, and a second browser's page for the media."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page
from websockets.asyncio.server import ServerConnection, serve

from tests.fakes.realtime.schema import Event
from tests.fakes.realtime_calls import FakeCall, FakeVendor

FOLDER = Path(__file__).parent
START_S = 20.0


class Media:
    """Between the fake and its page."""

    def __init__(self, vendor: FakeVendor) -> None:
        self.vendor = vendor
        self.heard: list[Event] = []  # that came over data channels
        self.url = ""
        self._socket: ServerConnection | None = None
        self._answers: dict[str, asyncio.Future[str]] = {}
        self._response = ""

    async def serve(self, socket: ServerConnection) -> None:
        """The page's line."""
        self._socket = socket
        async for raw in socket:
            await self._came(json.loads(raw))

    async def peer(self, call: FakeCall) -> str:
        """See FakeVendor."""
        loop = asyncio.get_running_loop()
        answer = self._answers[call.id] = loop.create_future()
        await self._tell(call, offer=call.offer)
        call.told = lambda event: loop.create_task(self._told(call, event))
        return await answer

    async def _tell(self, call: FakeCall, **more: Any) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps({"id": call.id, **more}))

    async def _told(self, call: FakeCall, event: Event) -> None:
        """Sound goes as media, and all else over the data channel."""
        if event["type"] == "response.output_audio.delta":
            self._response = event["response_id"]
            await self._tell(call, pcm=event["delta"])
            return
        if event["type"] == "input_audio_buffer.speech_started":
            await self._tell(call, hush=True)
        await self._tell(call, event=event)

    async def _came(self, message: dict[str, Any]) -> None:
        call = self.vendor.calls[message["id"]]
        if "answer" in message:
            self._answers[call.id].set_result(message["answer"])
        elif "open" in message:
            for event in list(call.seen):
                await self._tell(call, event=event)
        elif call.hung_up is not None:
            await self._tell(call, over=True)
        elif "pcm" in message:
            call.session.handle({"type": "input_audio_buffer.append", "audio": message["pcm"]})
        elif "played" in message:
            call.session.emit(f"output_audio_buffer.{message['played']}", response_id=self._response)
        else:
            self.heard.append(message["event"])
            if message["event"]["type"] == "output_audio_buffer.clear":
                await self._tell(call, hush=True)
            else:
                call.browser(message["event"])

    def kinds(self) -> list[str]:
        """Of what came over data channels."""
        return [event["type"] for event in self.heard]


class Running:
    """A fake vendor in a thread of its own. `do` runs in its loop."""

    def __init__(self) -> None:
        self.vendor: FakeVendor
        self.media: Media
        self.page: Page
        self._loop: asyncio.AbstractEventLoop
        self._over: asyncio.Event
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="vendor")

    async def _main(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with FakeVendor() as self.vendor:
            self.media = Media(self.vendor)
            async with serve(self.media.serve, "127.0.0.1", 0, max_size=None) as server:
                port = next(iter(server.sockets)).getsockname()[1]
                self.media.url = f"ws://127.0.0.1:{port}"
                self.vendor.peer = self.media.peer
                self._ready.set()
                await self._over.wait()

    def do(self, work: Callable[[], Any]) -> Any:
        async def run() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(START_S)

    def open(self, browser: Browser) -> None:
        """The page that answers, in a browser of its own."""
        self.page = browser.new_page()
        self.page.goto(self.media.url.replace("ws:", "http:"), wait_until="commit")  # a secure place, for its worklet
        given = {"url": self.media.url, "worklet": (FOLDER / "vendor_ears.js").read_text()}
        lines = (FOLDER / "vendor_page.js").read_text().splitlines()
        self.page.evaluate("\n".join(line for line in lines if not line.startswith("//")), given)

    @contextmanager
    def begun(self) -> Iterator[Running]:
        self._thread.start()
        assert self._ready.wait(START_S)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join(START_S)

    def until(self, is_so: Callable[[], object], page: Page, limit_s: float = 20.0) -> None:
        """Wait for the vendor, while the browser goes on."""
        for _ in range(int(limit_s / 0.05)):
            if is_so():
                return
            page.wait_for_timeout(50)
        raise AssertionError("it has not come to that")
