"""Speech to text: Whisper on CTranslate2 with a short window.

Whisper encodes 30 s whatever is said. Encoding only 10 s costs a third and reads as well (6.3 %
against 5.9 % word errors on 28 public recordings), but a window that cuts speech makes it
loop, so longer turns take the 30 s window. A doubtful reading is read again, better.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ctranslate2
import numpy as np
import tokenizers

from edge.agents.local.understanding.made_up import is_hallucination, is_looping
from edge.agents.local.worker import mel
from edge.errors import ModelError

SHORT_S, LONG_S = 10.0, 30.0
SECOND_S = 15.0  # as good for a second look as 30 s (4.2 % word errors both), in 0.25 s instead of 0.6 s
MARGIN_S = 1.0  # speech that ends this close to the window's end is not safe in it
DOUBT = -0.75  # mean log-probability below which real speech was usually misread
TOKENS_PER_S = 12  # the fastest speech seen needs 7; a loop would need far more
WIDE_BEAM = 5
SHORTEST_S = 0.1  # less than a syllable
LEAD_S, TAIL_S = 0.3, 0.3
QUIET_DB = -38.0  # below the loudest 20 ms: silence around the words


@dataclass(frozen=True, slots=True)
class Reading:
    """What was understood; `score` is the mean log-probability, `no_speech` a probability."""

    text: str
    score: float
    no_speech: float
    seconds: float


def _is_noise(reading: Reading) -> bool:
    """Not worth a second look: a wider search finds better-sounding words in noise, too."""
    return is_hallucination(reading.text, score=reading.score, no_speech=reading.no_speech, seconds=reading.seconds)


def trim(audio: mel.Floats) -> mel.Floats:
    """The audio without the silence before and after, a little of it kept."""
    block = mel.RATE // 50
    whole = len(audio) // block
    if whole == 0:
        return audio
    levels = 10 * np.log10(np.mean(audio[: whole * block].reshape(whole, block) ** 2, axis=1) + 1e-10)
    loud = np.flatnonzero(levels > levels.max() + QUIET_DB)
    start = max(0, loud[0] * block - int(LEAD_S * mel.RATE))
    return audio[start : (loud[-1] + 1) * block + int(TAIL_S * mel.RATE)]


class Whisper:
    """`model` is a directory in CTranslate2's format. Not thread-safe."""

    def __init__(self, model: Path, language: str = "en", threads: int = 0) -> None:
        try:
            self._model = ctranslate2.models.Whisper(
                str(model), device="cpu", compute_type="int8", intra_threads=threads, inter_threads=1
            )
            self._tokens = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
        except Exception as error:  # noqa: BLE001  both libraries raise bare exceptions of their own
            raise ModelError(f"The speech model in {model} cannot be loaded: {error}.") from None
        names = ("<|startoftranscript|>", f"<|{language}|>", "<|transcribe|>", "<|notimestamps|>")
        self._prompt = [self._tokens.token_to_id(name) for name in names]
        if None in self._prompt:
            raise ModelError(f'The speech model does not know the language "{language}" (local.language).')

    def read(self, pcm: bytes) -> Reading:
        """Transcribe up to 30 s of 16 kHz mono int16."""
        audio = trim(np.frombuffer(pcm, np.int16).astype(np.float32) / 32768.0)
        seconds = len(audio) / mel.RATE
        if seconds < SHORTEST_S:
            return Reading("", -9.0, 1.0, seconds)
        short = seconds <= SHORT_S - MARGIN_S
        first = self._decode(audio, SHORT_S if short else LONG_S, 1)
        looping = is_looping(first.text)
        if not looping and (first.score >= DOUBT or _is_noise(first)):
            return first
        second = self._decode(audio, LONG_S if looping or not short else SECOND_S, WIDE_BEAM)
        return max((first, second), key=lambda r: (not is_looping(r.text), r.score))

    def _decode(self, audio: mel.Floats, window_s: float, beam: int) -> Reading:
        features = np.ascontiguousarray(mel.log_mel(audio, window_s)[None])
        seconds = len(audio) / mel.RATE
        result = self._model.generate(
            ctranslate2.StorageView.from_array(features),
            [self._prompt],
            beam_size=beam,
            max_length=int(40 + seconds * TOKENS_PER_S),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        text = self._tokens.decode(result.sequences_ids[0]).strip()
        return Reading(text, float(result.scores[0]), float(result.no_speech_prob), seconds)
