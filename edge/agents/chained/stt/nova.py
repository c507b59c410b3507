"""Deepgram v1 (/v1/listen, nova-3): pieces of text, each final at some time. It finds no end of a turn: we ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

from edge.agents.chained import faults
from edge.agents.chained.stt.settling import Settling
from edge.config import Stt
from edge.core.chain import RATE, Fault, Heard, Mark, StageFailed

if TYPE_CHECKING:
    from deepgram import AsyncDeepgramClient
    from deepgram.listen.v1.socket_client import AsyncV1SocketClient
    from deepgram.listen.v1.types.listen_v1results import ListenV1Results

MODEL = "nova-3"
ANY_LANGUAGE = "multi"  # nova-3 hears ten languages, also in one sentence
PAUSE_MS = 300  # of silence makes a piece final; the vendor's advice for conversations
KEEP_ALIVE_S = 4.0  # without audio for ten seconds it hangs up (NET-0001); its advice is three to five
NEAR_S = 0.1  # a piece ends on a boundary of its own frames, not at the last sample

Piece: TypeAlias = tuple[int | None, str]  # who says what; None where speakers are not told apart


def connecting(client: AsyncDeepgramClient, model: str, config: Stt) -> AbstractAsyncContextManager[Any]:
    """The SDK's `connect` with this configuration."""
    words = {"keyterm" if model.startswith(MODEL) else "keywords": list(config.keyterms)} if config.keyterms else {}
    context: AbstractAsyncContextManager[Any] = client.listen.v1.connect(
        model=model,
        encoding="linear16",
        sample_rate=RATE,
        channels=1,
        language=config.language or ANY_LANGUAGE,
        interim_results=True,
        smart_format=True,
        endpointing=PAUSE_MS,
        diarize_model="latest" if config.speakers else None,
        **words,
    )
    return context


class NovaTurn(Settling):
    """One turn. The answer to Finalize is the piece that reaches as far as the audio did when it was sent."""

    keep_alive_s = KEEP_ALIVE_S

    def __init__(self, service: faults.Service) -> None:
        super().__init__(service)
        self._final: list[Piece] = []
        self._interim: list[Piece] = []

    async def ask(self, api: AsyncV1SocketClient, mark: Mark | None) -> None:
        """Have a pause or the end (None) settled."""
        if mark is not Mark.RESUMED:
            await api.send_finalize()

    def read(self, message: object) -> Iterator[Heard]:
        """What a message from the SDK says."""
        match getattr(message, "type", None):
            case "Results":
                yield from self._results(message)  # type: ignore[arg-type]  # the SDK tells its messages by type
            case "Metadata" if self.ending:  # after all that was left
                yield self.over()
            case "Error":
                raise _failure(self.service, message)

    def _results(self, results: ListenV1Results) -> Iterator[Heard]:
        pieces = list(_pieces(results.channel.alternatives[0]))
        reached = float(results.start) + float(results.duration)
        if not results.is_final:
            self._interim = pieces
        else:
            self._final += pieces
            self._interim = []
        self.understood(_text(self._final + self._interim))
        settles = results.from_finalize and reached >= self.asked_at_s - NEAR_S
        yield from self.settled() if settles else self.partial()


def _pieces(alternative: Any) -> Iterator[Piece]:
    """A piece for each change of the speaker; one where nobody tells them apart."""
    words = alternative.words or []
    if not any(getattr(word, "speaker", None) is not None for word in words):
        if alternative.transcript.strip():
            yield None, alternative.transcript.strip()
        return
    for speaker, said in groupby(words, key=lambda word: getattr(word, "speaker", None)):
        yield speaker, " ".join(word.punctuated_word or word.word for word in said)


def _text(pieces: list[Piece]) -> str:
    """All of it; where there is more than one speaker, who says what."""
    if len({speaker for speaker, _ in pieces}) < 2:  # noqa: PLR2004  alone
        return " ".join(text for _, text in pieces)
    turns = [
        (speaker, " ".join(text for _, text in said)) for speaker, said in groupby(pieces, key=lambda piece: piece[0])
    ]
    return " ".join(f"{chr(ord('A') + (speaker or 0) % 26)}: {text}" for speaker, text in turns)


def _failure(service: faults.Service, message: Any) -> StageFailed:
    said = str(getattr(message, "description", None) or "")
    code = str(getattr(message, "variant", None) or getattr(message, "code", None) or "")
    return faults.by_words(service, code, said, Fault.REQUEST if code == "SchemaError" else Fault.SERVICE)
