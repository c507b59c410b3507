"""Deepgram v2 (/v2/listen, Flux): whole turns, whose ends it finds itself, or is told (`ForceEndTurn`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from edge.agents.chained import faults
from edge.agents.chained.stt.settling import Settling
from edge.config import Stt
from edge.core.chain import RATE, Fault, Heard, Mark, Standing

if TYPE_CHECKING:
    from deepgram import AsyncDeepgramClient
    from deepgram.listen.v2.socket_client import AsyncV2SocketClient
    from deepgram.listen.v2.types.listen_v2turn_info import ListenV2TurnInfo

FAMILY = "flux"
ENGLISH, MULTILINGUAL = "flux-general-en", "flux-general-multi"
NEVER = 1.0  # an eot_threshold that only ForceEndTurn reaches ...
LEAST_MS, MOST_MS = 500, 60_000  # ... or a silence of eot_timeout_ms; these are its bounds
LEAST_EOT, LEAST_EAGER, MOST_EAGER = 0.5, 0.3, 0.9
NEAR_S = 0.1  # its windows are 80 ms long; before a pause is told there was silence for longer than that


def connecting(client: AsyncDeepgramClient, model: str, config: Stt) -> AbstractAsyncContextManager[Any]:
    """The SDK's `connect` with this configuration."""
    hints = [config.language] if config.language and model == MULTILINGUAL else None
    context: AbstractAsyncContextManager[Any] = client.listen.v2.connect(
        model=model,
        encoding="linear16",
        sample_rate=RATE,
        keyterm=list(config.keyterms) or None,
        language_hint=hints,
        **_ends(config),
    )
    return context


def _ends(config: Stt) -> dict[str, float | int | None]:
    if config.turns != "service":
        return {"eot_threshold": NEVER, "eot_timeout_ms": MOST_MS}
    sure = max(LEAST_EOT, config.end_confidence)
    eager = min(max(LEAST_EAGER, config.eager_confidence), MOST_EAGER, sure) if config.eager_confidence else None
    silence = min(max(LEAST_MS, config.silence_ms), MOST_MS)
    return {"eot_threshold": sure, "eager_eot_threshold": eager, "eot_timeout_ms": silence}


class FluxTurn(Settling):
    """One turn of ours: one of the service's, or several where the device says when it is over.

    Told of the end, the service ends its turn and then the stream, in this order; when nothing was being said it
    ends only the stream. A pause is settled when its updates, four in a second of audio, reach it.
    """

    keep_alive_s = None  # there is no such message; without audio nothing ends

    def __init__(self, service: faults.Service, *, ends: bool) -> None:
        super().__init__(service)
        self._ends = ends
        self._ended: list[str] = []

    async def ask(self, api: AsyncV2SocketClient, mark: Mark | None) -> None:
        """Have the end (None) settled; of a pause the service has an opinion of its own, or needs none."""
        if mark is None:
            await api.send_force_end_turn()

    def noted(self, mark: Mark | None, sent_s: float, now: float) -> None:
        """See Settling."""
        if mark is None or not self._ends:
            super().noted(mark, sent_s, now)

    def read(self, message: object) -> Iterator[Heard]:
        """What a message from the SDK says."""
        match getattr(message, "type", None):
            case "TurnInfo":
                yield from self._turn(message)  # type: ignore[arg-type]  # the SDK tells its messages by type
            case "Error":
                code, said = str(getattr(message, "code", "")), str(getattr(message, "description", ""))
                fault = Fault.REQUEST if code == "UNPARSABLE_CLIENT_MESSAGE" else Fault.SERVICE
                raise faults.by_words(self.service, code, said, fault)

    def _turn(self, turn: ListenV2TurnInfo) -> Iterator[Heard]:
        said, reached = turn.transcript.strip(), float(turn.audio_window_end)
        self.understood(" ".join(filter(None, (*self._ended, said))))
        if turn.event == "EndOfTurn":
            yield from self._end(said, forced=turn.trigger == "manual")
        elif self._ends and turn.event == "EagerEndOfTurn":
            yield Heard(self.text, Standing.EAGER)
        elif self._ends and turn.event == "TurnResumed":
            yield Heard(self.text, Standing.RESUMED)
        elif not self.ending and reached >= self.asked_at_s - NEAR_S:
            yield from self.settled()
        else:
            yield from self.partial()

    def _end(self, said: str, *, forced: bool) -> Iterator[Heard]:
        if (self.ending and forced) or (self._ends and said):
            yield self.over()
            return
        self._ended.append(said)
        yield from self.partial()
