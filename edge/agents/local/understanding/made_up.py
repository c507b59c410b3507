"""Transcripts that Whisper has made up."""

import re
import zlib

# Whisper base, greedy, on 63 recordings (the table in the tests): English speech scores from -0.98, with a no-speech
# probability of up to 0.94; what it makes up for noise scores below -1.34, but for a bark, which has no speech at 0.69,
# and phrases said over and over.
_MIN_SCORE = -1.25
# Single words said clearly score lower ("mute" -1.47, "help" -1.47, "5" -1.51, in the voice of hibari-tts); those that
# are commands or numbers are believed further down, as noise was never heard as one of them.
_MIN_SCORE_OF_A_COMMAND = -1.7
_NO_SPEECH_OF_A_COMMAND = 0.4
_SURE_SCORE = -0.7
_NO_SPEECH = 0.6
_CHARACTERS_PER_SECOND = 30  # nobody speaks faster
_SPARE_CHARACTERS = 30
_COMPRESSION = 2.4  # Whisper's own limit
_COMPRESSIBLE = 100  # characters: shorter texts say nothing by it
_LOOP_WORDS, _LOOP_TURNS, _LONGEST_TURN, _REPEATED_WORDS = 12, 4, 10, 4
_SYLLABLE_LOOP = re.compile(r"([^\W\d_]{1,4}?)\1{9,}", re.IGNORECASE)
_SOUND_TAG = re.compile(r"\[[^\[\]]{0,60}\]|\([^()]{0,60}\)|\*[^*]{0,60}\*")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
# the ends of films and lectures, which Whisper was trained on
_STOCK = {
    "you", "thank you", "thanks for watching", "thank you for watching", "thank you very much for watching", "bye",
    "thank you so much for watching", "please subscribe", "subtitles by the amara org community", "the end",
    "see you in the next video", "don't forget to like and subscribe",
}  # fmt: skip

_COMMANDS = {
    "stop", "cancel", "quiet", "mute", "unmute", "louder", "quieter", "softer", "help", "repeat", "pause", "wait",
    "enough", "volume", "up", "down", "time", "date", "timer", "hello", "thanks", "goodbye", "reset",
}  # fmt: skip


def is_hallucination(text: str, *, score: float, no_speech: float, seconds: float) -> bool:
    """Tell whether the transcript was made up from silence or noise: `score` is the mean log probability."""
    words = _WORD.findall(_SOUND_TAG.sub(" ", text.lower()))
    known = no_speech < _NO_SPEECH_OF_A_COMMAND and all(word in _COMMANDS or word.isdecimal() for word in words)
    if not words or score < (_MIN_SCORE_OF_A_COMMAND if known else _MIN_SCORE) or is_looping(text):
        return True
    if len(text) > _CHARACTERS_PER_SECOND * seconds + _SPARE_CHARACTERS:
        return True
    doubtful = score < _SURE_SCORE
    if " ".join(words) in _STOCK and (doubtful or no_speech > _NO_SPEECH):
        return True
    return doubtful and (no_speech > _NO_SPEECH or _is_repeated(words))


def is_looping(text: str) -> bool:
    """Tell whether the decoder got caught in a loop: the same syllable, words or sentence over and over."""
    data = text.encode(errors="replace")
    if len(data) >= _COMPRESSIBLE and len(data) > _COMPRESSION * len(zlib.compress(data)):
        return True
    words = _WORD.findall(text.lower())
    return bool(_SYLLABLE_LOOP.search(text)) or any(_turns(words, size) for size in range(1, _LONGEST_TURN + 1))


def _turns(words: list[str], size: int) -> bool:
    """Tell whether a run of this many words comes again and again without a break."""
    run = 0
    for before, word in zip(words, words[size:], strict=False):
        run = run + 1 if before == word else 0
        if run + size >= max(_LOOP_WORDS, size * _LOOP_TURNS):
            return True
    return False


def _is_repeated(words: list[str]) -> bool:
    """Tell whether the words are nothing but one phrase said twice or more."""
    halves = range(1, len(words) // 2 + 1)
    return len(words) >= _REPEATED_WORDS and any(words == words[:size] * (len(words) // size) for size in halves)
