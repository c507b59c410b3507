"""What the vendor's models cost, as far as it is known here; the file's [prices.MODEL] goes before it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge.config.fields import setting

MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """The section [prices.MODEL]: money per 1,000,000 tokens or characters, or per minute, in budget.currency."""

    text_in: float = setting(0.0, "text to the model", 0, MOST)
    text_cached: float = setting(0.0, "text to the model that it still has", 0, MOST)
    text_out: float = setting(0.0, "text from the model, its thinking included", 0, MOST)
    audio_in: float = setting(0.0, "audio to the model", 0, MOST)
    audio_cached: float = setting(0.0, "audio to the model that it still has", 0, MOST)
    audio_out: float = setting(0.0, "audio from the model", 0, MOST)
    image_in: float = setting(0.0, "pictures to the model", 0, MOST)
    image_cached: float = setting(0.0, "pictures to the model that it still has", 0, MOST)
    audio_minute: float = setting(0.0, "a minute of audio to a model that is paid by the time: transcription", 0, MOST)
    characters: float = setting(0.0, "text to a voice that is paid by the character", 0, MOST)


# In USD, looked up on 2026-11-24: developers.openai.com/api/docs/models/MODEL, sections "Text tokens", "Audio tokens"
# and "Image tokens". All figures of the 2.x models and of 1.5 stand on the page of that model. Of gpt-realtime only
# the text prices do (models/compare?model=gpt-realtime); its audio and image prices are those of its successor 1.5,
# which costs the same for text. Those for transcription are paid by the minute.
_FULL = Price(text_in=4.0, text_cached=0.4, text_out=24.0, audio_in=32.0, audio_cached=0.4, audio_out=64.0,
              image_in=5.0, image_cached=0.5)  # fmt: skip
_MINI = Price(text_in=0.6, text_cached=0.06, text_out=2.4, audio_in=10.0, audio_cached=0.3, audio_out=20.0,
              image_in=0.8, image_cached=0.08)  # fmt: skip
_NOT_THINKING = replace(_FULL, text_out=16.0)

REALTIME = {
    "gpt-realtime-2.1": _FULL,
    "gpt-realtime-2.1-mini": _MINI,
    "gpt-realtime-2": _FULL,
    "gpt-realtime-1.5": _NOT_THINKING,
    "gpt-realtime": _NOT_THINKING,
    "gpt-live-transcribe": Price(audio_minute=0.017),
    "gpt-realtime-whisper": Price(audio_minute=0.017),
    "gpt-transcribe": Price(audio_minute=0.0045),
}

# For the chained engine, in USD, looked up on the same day. Deepgram: its price page as quoted on 2026-08-01 (nova-3,
# streaming) and 2026-11-04 (Flux). GPT and Claude: the models' own pages (Claude: prompts of up to 100,000 tokens).
# Gemini: as a reseller quotes it, cached tokens at a tenth. What is not here has no price that could be looked up.
CHAINED = {
    "nova-3": Price(audio_minute=0.0048),
    "flux-general-en": Price(audio_minute=0.0065),
    "flux-general-multi": Price(audio_minute=0.0078),
    "universal-3-6-pro": Price(audio_minute=0.0075),
    "gpt-6-luna": Price(text_in=0.1, text_cached=0.01, text_out=0.5),
    "claude-haiku-5-5": Price(text_in=0.1, text_cached=0.01, text_out=0.5),
    "gemini-3.5-flash-lite": Price(text_in=0.3, text_cached=0.03, text_out=2.5),
}

PRICES = {**REALTIME, **CHAINED}
