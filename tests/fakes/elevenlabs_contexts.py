"""One connection to the fake ElevenLabs: contexts, what they are told and what they say."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from elevenlabs import types as sdk
from pydantic import BaseModel, ValidationError
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tests.fakes.speaking import CHAR_MS, TAG, Faults, spoken

MOST = 5
PIECE = 5  # characters in one message of sound
UNPARSED = "Could not parse input message, make sure it is a json and follows the schema outlined in protocol."
FULL = "Maximum simultaneous contexts per WebSocket connection exceeded (5). Please close an existing context."


class House(Protocol):
    """What a connection needs to know of its server."""

    inactivity_s: float
    tags_aligned: bool
    aligns: bool
    voices: dict[str, str]
    bugs: list[BaseException]

    def freeze(self) -> None:
        """Half-open."""


@dataclass
class Spoken:
    """One context. `texts` is what waits to be spoken; None closes it."""

    name: str
    settings: Any = None
    voices: list[str] = field(default_factory=list)
    buffer: str = ""
    texts: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    closing: bool = False
    task: asyncio.Task[None] | None = None


class Refused(Exception):
    """The connection is closed with this error."""

    def __init__(self, error: str, message: str) -> None:
        self.error, self.message = error, message


class Socket:
    """What came is in `received`, what happened in `log`."""

    def __init__(self, connection: ServerConnection, faults: Faults, house: House) -> None:
        assert connection.request is not None
        self._connection, self._faults, self._house = connection, faults, house
        self.path = connection.request.path
        self.dialogue = "/text-to-dialogue/" in self.path
        self.auto = parse_qs(urlsplit(self.path).query).get("auto_mode") == ["true"]
        self.received: list[dict[str, Any]] = []
        self.log: list[str] = []  # begin:NAME, say:NAME, sound:NAME, close:NAME, final:NAME, goodbye, closed
        self.contexts: dict[str, Spoken] = {}
        self.most_contexts = 0

    async def run(self) -> None:
        """Until it is closed."""
        try:
            while True:
                async with asyncio.timeout(self._house.inactivity_s):
                    frame = await self._connection.recv()
                await self._message(frame)
        except TimeoutError:
            await self.refuse("input_timeout_exceeded", "Did not receive a new input in time.")
        except Refused as refused:
            await self.refuse(refused.error, refused.message)

    async def refuse(self, error: str, message: str) -> None:
        """An error, and the close that follows it."""
        body = {"message": message, "error": error, "code": 1008}
        _check(sdk.TextToDialogueWebsocketError, body)
        try:
            await self._connection.send(json.dumps(body))
            await self._connection.close(1008, message[:100])
        except ConnectionClosed:
            pass

    def over(self) -> None:
        """The connection is gone."""
        self.log.append("closed")
        for context in self.contexts.values():
            if context.task is not None:
                context.task.cancel()

    # --- what comes -----------------------------------------------------------------------------------

    async def _message(self, frame: str | bytes) -> None:
        try:
            message = json.loads(frame)
            assert isinstance(message, dict)
        except (ValueError, AssertionError):
            raise Refused("invalid_input_message", UNPARSED) from None
        self.received.append(message)
        self._valid(message)
        if message.get("close_socket"):
            await self._goodbye()
            return
        name = message.get("context_id", "default")
        known = self.contexts.get(name)
        context = known or self._begin(name, message)
        self._settings(context, message, new=known is None)
        if not context.closing:
            self._take(context, message)

    def _valid(self, message: dict[str, Any]) -> None:
        for model in [sdk.TextToDialogueWebsocketClientMessageMulti] if self.dialogue else _models(message):
            try:
                _check(model, message)
            except (AssertionError, ValidationError):
                continue
            return
        raise Refused("invalid_input_message", UNPARSED)

    def _begin(self, name: str, message: dict[str, Any]) -> Spoken:
        if len(self.contexts) >= MOST:
            raise Refused("max_active_conversations", FULL)
        if self.dialogue and not message.get("voices"):
            raise Refused("voices_required", "voices must be set in the first message.")
        if unknown := set(message.get("voices") or []) - set(self._house.voices):
            raise Refused("voice_id_does_not_exist", f"A voice with voice_id {unknown} does not exist.")
        context = self.contexts[name] = Spoken(name, message.get("voice_settings"), message.get("voices") or [])
        self.most_contexts = max(self.most_contexts, len(self.contexts))
        self.log.append(f"begin:{name}")
        context.task = asyncio.ensure_future(self._speak(context))
        return context

    def _settings(self, context: Spoken, message: dict[str, Any], *, new: bool) -> None:
        if not new and self.dialogue and {"voices", "voice_settings"} & set(message):
            raise Refused("invalid_message", "voices can only be set in the first message.")
        if "voice_settings" in message and message["voice_settings"] != context.settings:
            raise Refused("voice_settings_changed", "voice_settings can only be set in the first message.")

    def _take(self, context: Spoken, message: dict[str, Any]) -> None:
        context.buffer += self._text(context, message)
        if message.get("flush") and context.buffer.strip():
            self.log.append(f"say:{context.name}")
            context.texts.put_nowait(context.buffer)
            context.buffer = ""
        if message.get("close_context"):
            self.log.append(f"close:{context.name}")
            context.closing = True
            if self.dialogue and context.buffer.strip():
                context.texts.put_nowait(context.buffer)
            context.texts.put_nowait(None)

    def _text(self, context: Spoken, message: dict[str, Any]) -> str:
        lines = message.get("inputs") or []
        if any(line["voice_id"] not in context.voices for line in lines):
            raise Refused("invalid_voice", "voice_id is not registered.")
        text = "".join(line["text"] for line in lines) + (message.get("text") or "")
        if text.strip() and not text.endswith(" "):
            raise Refused("invalid_input_message", "text should end with a space.")
        return text if text.strip() else ""

    async def _goodbye(self) -> None:
        """Closes when no context is open, and not before."""
        self.log.append("goodbye")
        if not self.contexts:
            await self._connection.close(1000)

    # --- what goes ------------------------------------------------------------------------------------

    async def _speak(self, context: Spoken) -> None:
        try:
            while (text := await context.texts.get()) is not None:
                if self._faults.error:
                    await self.refuse(*self._faults.error)
                    return
                await asyncio.sleep(self._faults.first_s)
                for at in range(0, len(text), PIECE):
                    await self._piece(context, text, at)
                if self.dialogue:
                    await self._send({"is_final_audio_for_turn": True, "context_id": context.name})
            await self._send({("is_final" if self.dialogue else "isFinal"): True, **self._name(context)})
            self.log.append(f"final:{context.name}")
            del self.contexts[context.name]
        except ConnectionClosed:
            pass
        except Exception as error:  # noqa: BLE001  a bug of the fake: told when the test ends
            self._house.bugs.append(error)

    async def _piece(self, context: Spoken, text: str, at: int) -> None:
        faults = self._faults
        await asyncio.sleep(faults.drip_s)
        if faults.now(faults.freeze_at):
            self._house.freeze()
        if faults.now(faults.drop_at):
            self._connection.transport.abort()
        if faults.now(faults.malformed_at):
            faults.malformed_at = None
            await self._connection.send(faults.malformed)
        faults.sent += 1
        silent = {n for tag in TAG.finditer(text) for n in range(*tag.span())} if self.dialogue else set()
        chars = range(at, min(at + PIECE, len(text)))
        heard = [n for n in chars if n not in silent]
        listed = list(chars) if self._house.tags_aligned else heard
        starts = [sum(CHAR_MS for other in heard if other < n) for n in listed]
        durations = [0 if n in silent else CHAR_MS for n in listed]
        audio = b64encode(spoken("".join(text[n] for n in heard))).decode()
        await self._sound(context, audio, ([text[n] for n in listed], starts, durations))
        self.log.append(f"sound:{context.name}")

    async def _sound(self, context: Spoken, audio: str, times: tuple[list[str], list[int], list[int]]) -> None:
        names = ("chars", "charStartTimesMs", "charDurationsMs")
        if self.dialogue:
            names = ("chars", "char_start_times_ms", "char_durations_ms")
        alignment = dict(zip(names, times, strict=True)) if self._house.aligns else None
        normal = "normalized_alignment" if self.dialogue else "normalizedAlignment"
        await self._send({"audio": audio, "alignment": alignment, normal: None, **self._name(context)})

    def _name(self, context: Spoken) -> dict[str, str]:
        return {("context_id" if self.dialogue else "contextId"): context.name}

    async def _send(self, message: dict[str, Any]) -> None:
        _check(_answer(message, dialogue=self.dialogue), message)
        if not self._faults.silent:
            await self._connection.send(json.dumps(message))


def _models(message: dict[str, Any]) -> list[type[BaseModel]]:
    """By what a message has: the vendor's union has no discriminator."""
    if "close_socket" in message:
        return [sdk.CloseSocket]
    if "close_context" in message:
        return [sdk.CloseContext]
    if "voice_settings" in message or "generation_config" in message:
        return [sdk.InitializeConnectionMulti, sdk.InitialiseContext]
    return [sdk.KeepContextAlive] if message.get("text") == "" else [sdk.SendTextMulti, sdk.FlushContext]


def _answer(message: dict[str, Any], *, dialogue: bool) -> type[BaseModel]:
    if not dialogue:
        return sdk.AudioOutputMulti if "audio" in message else sdk.FinalOutputMulti
    if "audio" in message:
        return sdk.TextToDialogueWebsocketAudioChunkMulti
    last = "is_final" in message
    return sdk.TextToDialogueWebsocketFinalMulti if last else sdk.TextToDialogueWebsocketFinalAudioForTurnMulti


def _check(model: type[BaseModel], message: dict[str, Any]) -> None:
    """AssertionError or ValidationError for what the vendor's type does not know."""
    made = model.model_validate_json(json.dumps(message))
    _no_extra(made)


def _no_extra(made: BaseModel) -> None:
    assert not made.model_extra, made.model_extra
    for name in made.model_fields_set & set(type(made).model_fields):
        part = getattr(made, name)
        for each in part if isinstance(part, list) else [part]:
            if isinstance(each, BaseModel):
                _no_extra(each)
