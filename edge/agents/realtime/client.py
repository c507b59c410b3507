"""The Realtime engine: the Agent port over one session at a time, a new one whenever it ends."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import numpy as np
import soxr

from edge.agents.realtime import events as ev
from edge.agents.realtime import session
from edge.agents.realtime.commands import Command, UpdateSession
from edge.agents.realtime.dialling import PROVEN_S, Dialling, Ending
from edge.agents.realtime.dialogue import Dialogue
from edge.agents.realtime.exchange import Hands, Out
from edge.agents.realtime.line import Address, Line
from edge.agents.realtime.options import Options
from edge.agents.realtime.pcm import RATE
from edge.agents.realtime.refusal import Refused
from edge.agents.realtime.standing import Standing
from edge.core.history import History
from edge.ports import Fields, Post

BLOCKED_S = 5.0  # a response that nobody wants any more is done a round trip after its cancellation
MOST_TOLD = 1500  # characters
PATIENCE_S = 10.0  # a question that waits for its answer survives an outage of this length

_log = logging.getLogger(__name__)


class RealtimeAgent:
    """See ports.Agent. With `options.cold` there is a session only while somebody talks, and for a while after."""

    name = "realtime"

    def __init__(
        self, address: Address, settings: session.Settings, post: Post, options: Options | None = None
    ) -> None:
        self._address, self._settings, self._post = address, settings, post
        self._options = options or Options()
        aloud = settings.modality == "audio"
        money = self._options.price, self._options.heard
        self._dialogue = Dialogue(hands(settings), *money, aloud=aloud, trace=self._options.trace)
        self._dialogue.history = History(beside=self._options.history)
        self._told = ""  # to the session, of the person
        self._dialling = Dialling(self._session, self._failed, lambda: not self._dialogue.idle)
        self._resample: tuple[int, soxr.ResampleStream] | None = None
        self._clock = asyncio.get_running_loop().time
        self._standing = Standing(post, self._clock)
        self._line: Line | None = None
        self._down_since: float | None = None
        self._stuck: asyncio.TimerHandle | None = None

    # --- the Agent port -----------------------------------------------------------------------------

    async def open(self) -> None:
        """See ports.Agent. A cold line, too, is tried once: a wrong key is found at the start, not at a press."""
        self._dialling.hurry()

    def connect(self) -> None:
        """See ports.Agent. A press does not wait for the back-off, but a server's own Retry-After is kept."""
        if self._dialling.trying:
            self._standing.remind(self._dialling.held_off_s)
        self._dialling.hurry()

    async def close(self) -> None:
        """See ports.Agent."""
        await self._dialling.close()

    def audio(self, turn: int, pcm: bytes) -> None:
        """See ports.Agent."""
        if self._resample is None or self._resample[0] != turn:
            self._resample = (turn, soxr.ResampleStream(16_000, RATE, 1, dtype="int16", quality="MQ"))
            self._begin()
        wide = self._resample[1].resample_chunk(np.frombuffer(pcm, np.int16))
        if len(wide):
            self._do(self._dialogue.audio(turn, wide.tobytes()))

    def hold(self, turn: int) -> None:
        """See ports.Agent."""
        self._do(self._dialogue.hold(turn))

    def eager_end(self, turn: int) -> None:
        """See ports.Agent. Nothing can be begun early here."""

    def turn_resumed(self, turn: int) -> None:
        """See ports.Agent."""

    def end_of_turn(self, turn: int) -> None:
        """See ports.Agent."""
        if self._resample is not None and self._resample[0] == turn:
            rest = self._resample[1].resample_chunk(np.zeros(0, np.int16), last=True)
            self._resample = None
            if len(rest):
                self._do(self._dialogue.audio(turn, rest.tobytes()))
        self._do(self._dialogue.end_of_turn(turn))

    def drop_turn(self, turn: int) -> None:
        """See ports.Agent."""
        self._resample = None
        self._do(self._dialogue.drop_turn(turn))

    def interrupt(self, turn: int, heard_ms: int, *, goes_on: bool) -> None:
        """See ports.Agent."""
        self._do(self._dialogue.interrupt(turn, heard_ms, goes_on=goes_on))

    def tool_result(self, turn: int, call: str, result: Fields) -> None:
        """See ports.Agent."""
        self._do(self._dialogue.tool_result(turn, call, result))

    def text(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        self._begin()
        self._do(self._dialogue.text(turn, text))

    def say(self, turn: int, text: str) -> None:
        """See ports.Agent."""
        self._begin()
        self._do(self._dialogue.say(turn, text))

    def forget(self) -> None:
        """See ports.Agent. The server forgets with its session."""
        self._dialogue.forget()
        if self._line is not None:
            self._line.hang_up(Ending.RESTED if self._options.cold else Ending.RENEWED)

    def stats(self) -> Fields:
        """See ports.Agent."""
        limits = {limit.name: f"{limit.remaining} of {limit.limit}" for limit in self._dialogue.limits}
        return {
            "engine": self.name, "ready": self._standing.ready, "online": self._dialogue.online,
            "problem": self._standing.problem, "limits": limits,
        }  # fmt: skip

    # --- sessions -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Somebody turns to the engine."""
        if self._line is None:
            self._dialling.hurry()
            return
        self._line.look()
        told = self._told
        instructions = self._instructions()
        if self._told != told:  # something has been remembered or corrected since
            self._line.send(UpdateSession({"type": "realtime", "instructions": instructions}))

    def _instructions(self) -> str:
        """With what is known of the person now."""
        self._told = self._options.told(MOST_TOLD)
        return f"{self._settings.instructions}\n\n{self._told}" if self._told else self._settings.instructions

    async def _session(self) -> Ending:
        """From the handshake to the end of the line; raises Refused when there is none."""
        began = self._clock()
        if self._down_since is None:
            self._down_since = began
        settings = replace(self._settings, instructions=self._instructions())
        line = self._line = await Line.open(self._address, session.build(settings))
        self._down_since = None
        try:
            self._do(self._dialogue.opened())
            self._standing.came(ends_turns=self._settings.turns is not None)
            rest = self._options.idle_s if self._options.cold else None
            ending = await line.talk(self._receive, lambda: self._dialogue.idle, rest)
        finally:
            self._line = None
            line.hang_up()
            self._do(self._dialogue.closed())
        if ending is Ending.LOST:
            self._lost(line.reason, proven=self._clock() - began > PROVEN_S)
        return ending

    def _receive(self, event: ev.ServerEvent) -> None:
        self._do(self._dialogue.received(event))

    def _lost(self, reason: str, *, proven: bool) -> None:
        """A turn that waits for its answer is sent again by the next session, and at rest nobody has lost anything."""
        if not (self._dialogue.waiting or (proven and self._dialogue.idle)):
            self._standing.lost(f"The line to the voice service is down{reason}; connecting again.", retryable=True)

    def _failed(self, refused: Refused) -> None:
        outage = self._clock() - (self._down_since or self._clock()) + refused.retry_after
        if refused.retryable and self._standing.ready and self._dialogue.waiting and outage < PATIENCE_S:
            return
        self._dialogue.abandon()
        self._standing.lost(str(refused), retryable=refused.retryable, wait=self._dialling.held_off_s)

    def _do(self, out: Out) -> None:
        for one in out:
            if not isinstance(one, Command):
                self._post(one)
            elif self._line is not None:
                self._line.send(one)
        self._look_for_block()

    def _look_for_block(self) -> None:
        """A response that is never done would be the last one of its session."""
        if self._dialogue.blocked and self._stuck is None:
            self._stuck = asyncio.get_running_loop().call_later(BLOCKED_S, self._unblock)
        elif self._stuck is not None and not self._dialogue.blocked:
            self._stuck.cancel()
            self._stuck = None

    def _unblock(self) -> None:
        """The next session is asked for the turn that waits."""
        self._stuck = None
        if self._line is not None:
            _log.warning("realtime_blocked")
            self._line.hang_up()


def hands(settings: session.Settings) -> Hands | None:
    """How to take the end of turns out of the server's hands, if it is there."""
    if settings.turns is None:
        return None

    def update(turns: session.Turns) -> UpdateSession:
        return UpdateSession({"type": "realtime", "audio": {"input": {"turn_detection": session.turns_body(turns)}}})

    return Hands(update(None), update(settings.turns))
