"""A socket of ElevenLabs' on which several replies are spoken, each in a context of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from edge.agents.chained.faults import Service, by_words, stalled
from edge.agents.chained.sockets import Json, Line
from edge.agents.chained.tts import elevenlabs_frames as frames
from edge.agents.chained.tts import warm
from edge.agents.chained.tts.elevenlabs_frames import Dialect, Piece
from edge.agents.chained.tts.wire import Wire
from edge.core.chain import Fault, StageFailed

MOST_CONTEXTS = 5  # on one socket, those included that are closed but still being spoken: one more closes it (1008)
MOST_PIECES = 5000  # of one reply that nobody has taken: more than a quarter of an hour
KEEP_S = 8.0  # the service forgets a context of which it has heard nothing for 20 s
FINAL_S = 10.0  # after the end of the text: until the next piece, or the word that there is none

_KEY = ("api_key", "authoriz", "authenticat", "permission", "unusual_activity")
_BUSY = ("max_active", "concurren", "rate_limit", "busy")
_REQUEST = ("invalid", "unsupported", "not_found", "not_exist", "model", "voice")


def failure(service: Service, error: str, message: str) -> StageFailed:
    """What an error means that they tell by name."""
    found: Sequence[tuple[tuple[str, ...], Fault]] = ((_KEY, Fault.KEY), (_BUSY, Fault.BUSY), (_REQUEST, Fault.REQUEST))
    fault = next((fault for names, fault in found if any(name in error.lower() for name in names)), Fault.SERVICE)
    return by_words(service, error, message, fault)


class Context:
    """One reply. `say` as often as there is text, then `end`; or `drop` it at any time."""

    def __init__(self, name: str, line: ElevenLabsLine) -> None:
        self.name, self._line = name, line
        self._pieces: asyncio.Queue[Piece | Exception] = asyncio.Queue(MOST_PIECES)
        self._clock = asyncio.get_running_loop().time
        self.written = False  # all of the text is sent
        self.dropped = False
        self._lost = False
        self.touched = self._clock()

    def say(self, text: str) -> None:
        """A clause, which ends with a space."""
        self.touched = self._clock()
        self._line.send(self._line.dialect.say(self.name, text))

    def keep(self) -> None:
        """Nothing to say yet."""
        self.touched = self._clock()
        self._line.send(self._line.dialect.keep(self.name))

    def end(self) -> None:
        """That was all."""
        self.written = True
        self._line.send(*frames.end(self.name))

    def drop(self) -> None:
        """Nobody listens any more. Nothing if it is over."""
        self.dropped = True
        self._line.dropped(self)

    async def next(self) -> Piece:
        """The next piece of sound; raises StageFailed, or what `put` was given."""
        while True:
            if self._lost and self._pieces.empty():
                raise StageFailed("A reply was made faster than it was taken: some of it is lost.", Fault.SERVICE)
            try:
                async with asyncio.timeout(FINAL_S):
                    piece = await self._pieces.get()
            except TimeoutError:
                if not self.written:
                    continue
                raise stalled(self._line.service) from None
            if isinstance(piece, Exception):
                raise piece
            return piece

    def put(self, piece: Piece | Exception) -> None:
        """What comes of it, in order."""
        if self._pieces.full():
            self._lost = True
        else:
            self._pieces.put_nowait(piece)


class ElevenLabsLine:
    """See warm.Line."""

    def __init__(self, service: Service, dialect: Dialect, line: Line) -> None:
        self.service, self.dialect = service, dialect
        self._contexts: dict[str, Context] = {}
        self._count = 0
        self._lost: StageFailed | None = None
        self._clock = asyncio.get_running_loop().time
        self._wanted_at = self._clock()
        self._wire = Wire(service, line, self._received, self._fail)
        self._minding = asyncio.ensure_future(self._mind())

    @property
    def alive(self) -> bool:
        """See warm.Line."""
        return self._wire.alive

    @property
    def room(self) -> bool:
        """See warm.Line."""
        return self.alive and len(self._contexts) < MOST_CONTEXTS

    def touch(self) -> None:
        """See warm.Line."""
        self._wanted_at = self._clock()

    def begin(self) -> Context:
        """The next reply."""
        self._count += 1
        context = Context(f"reply-{self._count}", self)
        if self._lost is not None:
            context.put(self._lost)
            return context
        self._contexts[context.name] = context
        self.send(self.dialect.begin(context.name))
        return context

    def send(self, *messages: Json) -> None:
        """In this order, without waiting; nothing on a line that has ended."""
        self._wire.send(*messages)

    def dropped(self, context: Context) -> None:
        """Its place is taken until the service says that it is over; a written one has been closed already."""
        self.touch()
        if context.name in self._contexts and not context.written:
            self.send(frames.drop(context.name))

    async def close(self) -> None:
        """See warm.Line."""
        self._minding.cancel()
        self.send(frames.GOODBYE)
        await self._wire.close()
        self._tell(StageFailed(f"{self.service.name}'s voice was closed.", Fault.SERVICE))

    def _received(self, message: Json) -> None:
        piece = frames.read(message)
        context = self._contexts.get(piece.context)
        if piece.error and context is None:
            self._wire.hang_up()
            self._fail(failure(self.service, piece.error, piece.message))
        elif context is not None:
            context.put(failure(self.service, piece.error, piece.message) if piece.error else piece)
            if piece.final or piece.error:
                del self._contexts[context.name]

    def _fail(self, why: StageFailed) -> None:
        self._minding.cancel()
        self._tell(why)

    def _tell(self, why: StageFailed) -> None:
        self._lost = self._lost or why
        contexts, self._contexts = self._contexts, {}
        for context in contexts.values():
            context.put(why)

    async def _mind(self) -> None:
        """Keep contexts alive whose text is still being written; let go of a line that nobody wants."""
        while True:
            await asyncio.sleep(min(KEEP_S, warm.REST_S) / 4)
            now = self._clock()
            wanted = [context for context in self._contexts.values() if not context.dropped]
            for context in wanted:
                if not context.written and now - context.touched >= KEEP_S:
                    context.keep()
            self._wanted_at = now if wanted else self._wanted_at
            if now - self._wanted_at >= warm.REST_S:
                self.send(frames.GOODBYE)
                await self._wire.close()
                return
