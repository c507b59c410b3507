"""The words that the device listens for: whether their models can be used."""

from __future__ import annotations

from edge.audio.wake import STOP, WAKE, load
from edge.doctor.checks import Results, fail, skipped, well
from edge.doctor.site import BAD_CONFIG, Site
from edge.errors import AudioError


def check(site: Site) -> Results:
    """Loads what is configured in [wake]."""
    if site.config is None:
        return [BAD_CONFIG]
    if not site.config.wake.wanted:
        return [skipped("No wake word is configured: the button begins a turn.")]
    try:
        called = load(site.config.wake, lambda _: None).called
    except AudioError as error:
        return [fail(str(error), "The button works without it; or else set wake.word and wake.stop_word to nothing.")]
    says = {WAKE: "wakes the device", STOP: "silences a reply"}
    told = [f'"{word}" {says[name]}' for name, word in called.items()]
    return [well(f"{', '.join(told)}.")]
