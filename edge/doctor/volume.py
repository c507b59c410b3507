"""What the system's mixers do to the sound: a loudspeaker that is muted there plays, and nobody hears it."""

from __future__ import annotations

from dataclasses import replace

from edge.audio.settings import Setting
from edge.doctor.checks import Result, State, fail, warn


def speaker(found: Result, setting: Setting | None) -> list[Result]:
    """What was found of the loudspeaker itself, and its mixer: in the same line when that is well."""
    if setting is None:
        return [found]
    if setting.is_silent:
        return [found, fail(f"Nothing will be heard: {_how(setting)}.", setting.remedy)]
    if found.state is not State.WELL:
        return [found]
    return [replace(found, found=f"{found.found.rstrip('.')}; {_how(setting)}.")]


def microphone(setting: Setting | None) -> list[Result]:
    """Only what is wrong. At 0 percent many microphones still hear a little."""
    if setting is None or not setting.is_silent:
        return []
    return [(fail if setting.off else warn)(f"In the mixer, {_how(setting)}.", setting.remedy)]


def _how(setting: Setting) -> str:
    if setting.off:
        return f"{setting.name} is switched off"
    return f"{setting.name} is at {setting.percent} %"
