"""What a response or a transcription has cost, in tokens by kind, and how much may still be asked for."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from edge.agents.realtime.reading import Json, count, label, maybe_table, measure


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens by kind. `cached_*` is the part of `input_*` that costs less, never in addition to it."""

    input_text: int = 0
    input_audio: int = 0
    input_image: int = 0
    cached_text: int = 0
    cached_audio: int = 0
    cached_image: int = 0
    output_text: int = 0
    output_audio: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    @property
    def fresh_text(self) -> int:
        """Text tokens at the full price."""
        return self.input_text - self.cached_text

    @property
    def fresh_audio(self) -> int:
        """Audio tokens at the full price."""
        return self.input_audio - self.cached_audio

    @property
    def fresh_image(self) -> int:
        """Image tokens at the full price."""
        return self.input_image - self.cached_image

    @property
    def total(self) -> int:
        """All tokens, each counted once."""
        return self.input_text + self.input_audio + self.input_image + self.output_text + self.output_audio


def usage(body: Json) -> Usage:
    """The `usage` of a response.

    Tokens that a server counts but does not break down are taken for audio, the dearest kind, so that a
    budget errs on the safe side; cached ones without a kind are taken from text first, then audio, image.
    """
    given, made = maybe_table(body, "input_token_details"), maybe_table(body, "output_token_details")
    text, image = count(given, "text_tokens"), count(given, "image_tokens")
    audio = max(count(given, "audio_tokens"), count(body, "input_tokens") - text - image)
    cached = _cached(given, (text, audio, image))
    spoken_text = count(made, "text_tokens")
    spoken = max(count(made, "audio_tokens"), count(body, "output_tokens") - spoken_text)
    return Usage(text, audio, image, *cached, spoken_text, spoken)


def _cached(given: Json, most: tuple[int, int, int]) -> tuple[int, int, int]:
    """Cached text, audio and image tokens, none more than the input of that kind."""
    kinds = maybe_table(given, "cached_tokens_details")
    names = ("text_tokens", "audio_tokens", "image_tokens")
    named = [min(count(kinds, name), top) for name, top in zip(names, most, strict=True)]
    rest = max(0, count(given, "cached_tokens") - sum(named))
    for index, top in enumerate(most):
        more = min(rest, top - named[index])
        named[index] += more
        rest -= more
    return named[0], named[1], named[2]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How much may still be asked for, and when it is all there again."""

    name: str  # requests, tokens
    limit: int
    remaining: int
    reset_seconds: float


def rate_limit(body: Json) -> RateLimit:
    """One entry of rate_limits.updated."""
    return RateLimit(
        label(body, "name", 100), count(body, "limit"), count(body, "remaining"), measure(body, "reset_seconds")
    )


@dataclass(frozen=True, slots=True)
class HeardUsage:
    """What transcribing one utterance cost: tokens or seconds, as the model is billed."""

    input_text: int = 0
    input_audio: int = 0
    output_text: int = 0
    seconds: float = 0.0


def heard_usage(body: Json) -> HeardUsage:
    """The `usage` of a transcription; tokens without a kind are audio."""
    given = maybe_table(body, "input_token_details")
    text = count(given, "text_tokens")
    audio = max(count(given, "audio_tokens"), count(body, "input_tokens") - text)
    return HeardUsage(text, audio, count(body, "output_tokens"), measure(body, "seconds"))
