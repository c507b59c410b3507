"""What to push into a sound card: as much as keeps it going, and not a millisecond of silence in front of a reply."""

from __future__ import annotations

from edge.audio.convert import Samples
from edge.audio.speaker import QueueSpeaker
from edge.core.cushion import Cushion

AHEAD_S = 0.16  # kept in the device, less a piece: how late the audio thread may be. A stop takes it back
LOW_S = 0.022  # with less in the device than until the next tick, a reply that has nothing waiting has run dry
SOUND_AHEAD_S = 0.08  # kept of a chime, which is not taken back: a reply that begins meanwhile waits for no more
# After the last sample: a card that stops within a period would else play old samples of its ring once more.
TAIL_S = 0.04


class Feed:
    """Asked by an output, each tick, for what it should write next."""

    def __init__(self, speaker: QueueSpeaker) -> None:
        self._speaker, self.cushion = speaker, Cushion()
        self._turn = 0
        self._tail = 0  # samples of silence still to be written

    def next(self, room: int, left: int, now: float) -> Samples:
        """Up to `room` samples, to follow the `left` samples that the device has still to play."""
        speaker = self._speaker
        waiting = speaker.waiting()
        if waiting is None:
            return self._silence(room, left, now)
        if not waiting.turn:
            return self._sound(min(room, waiting.samples), left, now)
        if waiting.turn != self._turn:
            self._turn = waiting.turn
            self.cushion.begin()
        if not self.cushion.flows(waiting.samples / speaker.rate, now, finished=waiting.whole):
            return self._silence(room, left, now)
        samples = speaker.render(min(room, waiting.samples), now + left / speaker.rate)
        if not speaker.unfinished:
            self.cushion.ended()
        if len(samples):
            self._tail = round(TAIL_S * speaker.rate)
            return samples
        return self._silence(room, left, now)

    def _sound(self, room: int, left: int, now: float) -> Samples:
        """A chime while there is no reply, and no more of it than a reply that begins can wait for."""
        speaker = self._speaker
        count = max(0, min(room, round(SOUND_AHEAD_S * speaker.rate) - left))
        if count:
            self._tail = round(TAIL_S * speaker.rate)
        return speaker.render(count, now + left / speaker.rate)

    def _silence(self, room: int, left: int, now: float) -> Samples:
        speaker = self._speaker
        count = min(room, self._tail)
        if speaker.unfinished:
            low = left < LOW_S * speaker.rate
            if low and self.cushion.ran_dry(now):
                speaker.starved += 1
            count = room if low else 0
        else:
            self._tail -= count
        return speaker.silence(count)
