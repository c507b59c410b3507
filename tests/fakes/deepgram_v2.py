"""Deepgram's /v2/listen (Flux): turns, with the state machine that its documentation draws."""

from __future__ import annotations

from typing import Any

from tests.fakes.deepgram_sdk import v2
from tests.fakes.deepgram_session import Session

SURE_S = 1.0  # of silence: then it is certain that the turn is over
REQUEST = "00000000-0000-4000-8000-000000000002"


class FluxSession(Session):
    """How sure it is of the end grows with the silence after the last word."""

    controls = {  # noqa: RUF012  as in Session
        "Configure": v2.ListenV2Configure, "ForceEndTurn": v2.ListenV2ForceEndTurn,
        "CloseStream": v2.ListenV2CloseStream,
    }  # fmt: skip

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._sequence = self._index = 0
        self._began_s = self._done_s = self._told_s = 0.0
        self._speaking = self._eager = False
        self._eot = float(self.query.get("eot_threshold", 0.7))
        self._eager_eot = float(self.query.get("eager_eot_threshold", 2.0))
        self._timeout_s = float(self.query.get("eot_timeout_ms", 5000)) / 1000

    def opened(self) -> None:
        self._tell(v2.ListenV2Connected, type="Connected", request_id=REQUEST)

    def listened(self) -> None:
        """In steps as small as its own: what came at once is heard all the same as if it had come in time."""
        while self._done_s + 0.01 <= self.heard_s:
            self._done_s += 0.01
            self._step()

    def controlled(self, message: dict[str, Any]) -> None:
        self._done_s = self.heard_s
        if message["type"] == "ForceEndTurn" and (self._speaking or self._transcript):
            self._end("manual")
        elif message["type"] == "ForceEndTurn":
            self._tell(
                v2.ListenV2Warning, type="Warning", request_id=REQUEST, code="FORCE_END_TURN_NO_ACTIVE_TURN",
                description="There is no turn to end.",
            )  # fmt: skip
        elif message["type"] == "CloseStream":
            self._turn("Update")
            self.finish()

    def misunderstood(self, text: str) -> None:
        code, why = "UNPARSABLE_CLIENT_MESSAGE", "The message is of no known type."
        self._tell(v2.ListenV2FatalError, type="Error", code=code, description=why)
        self.finish()

    async def end(self) -> None:
        """Without a status code."""
        async with self._connection.send_context():
            self._connection.protocol.send_close()

    @property
    def _transcript(self) -> str:
        return " ".join(text for at, text in self.script if self._began_s < at <= self._done_s + 1e-6)

    def _step(self) -> None:
        spoken = [at for at, _ in self.script if self._began_s < at <= self._done_s + 1e-6]
        silence = self._done_s - spoken[-1] if spoken else 0.0
        sure = min(0.99, silence / SURE_S)
        if spoken and not self._speaking:
            self._speaking = True
            self._turn("StartOfTurn")
        elif self._eager and silence < 0.01:  # another word, just now
            self._eager = False
            self._turn("TurnResumed")
        elif spoken and silence >= self._timeout_s:
            self._end("timeout")
        elif spoken and sure >= self._eot:
            self._end("model")
        elif spoken and sure >= self._eager_eot and not self._eager:
            self._eager = True
            self._turn("EagerEndOfTurn", sure)
        elif self._done_s - self._told_s >= self.faults.update_s:
            self._turn("Update", sure)

    def _end(self, trigger: str) -> None:
        self._turn("EndOfTurn", 0.99, trigger=trigger)
        self._index += 1
        self._began_s, self._speaking, self._eager = self._done_s, False, False

    def _turn(self, event: str, sure: float = 0.1, **more: str) -> None:
        self._told_s = self._done_s
        words = [{"word": word, "confidence": 0.98} for word in self._transcript.split()]
        self._tell(
            v2.ListenV2TurnInfo, type="TurnInfo", request_id=REQUEST, event=event, turn_index=self._index,
            audio_window_start=round(self._began_s, 6), audio_window_end=round(self._done_s, 6),
            transcript=self._transcript, words=words, end_of_turn_confidence=round(sure, 4), **more,
        )  # fmt: skip

    def _tell(self, model: Any, **fields: Any) -> None:
        self.send(model, sequence_id=self._sequence, **fields)
        self._sequence += 1
