"""What calibration found, and whether it is of the devices in use and agrees with the settings."""

from __future__ import annotations

from edge.audio.profile import NAME, Profile, concerns, load
from edge.config import Config
from edge.doctor.checks import Result, Results, skipped, warn, well
from edge.doctor.site import BAD_CONFIG, Site
from edge.doctor.sound import microphone_name, speaker_name
from edge.errors import AudioError

AGAIN = "Measure where the device stands: edge-voice calibrate"


def check(site: Site) -> Results:
    """The profile that the daemon reads."""
    if site.config is None:
        return [BAD_CONFIG]
    path = site.state / NAME
    found = load(path)
    if found is None and path.exists():
        return [warn(f"{path} cannot be used: it is damaged, or of another version.", AGAIN)]
    try:
        devices = (microphone_name(site), speaker_name(site))
    except AudioError:
        devices = ("", "")
    return judged(found, devices, site.config)


def judged(found: Profile | None, devices: tuple[str, str], config: Config) -> list[Result]:
    """`devices`: the names of microphone and loudspeaker in use, empty when they are not there."""
    if found is None and config.conversation.barge_in not in {"duck", "stop"}:
        return [skipped("Not measured, and not needed: no voice interrupts here.")]
    if found is None:
        return [warn("Not measured yet whether interrupting by voice is safe here.", AGAIN)]
    if not all(devices):
        return [skipped(f"Of {found.day}: {found.verdict}. The devices are not there to compare.")]
    if not found.is_of(*devices):
        return [_of_others(found, devices)]
    told = [warn(concern.found, concern.todo) for concern in concerns(found, config)]
    return told or [well(f"Interrupting by voice is {found.verdict} ({found.day}).")]


def _of_others(found: Profile, devices: tuple[str, str]) -> Result:
    pairs = zip((found.microphone, found.speaker), devices, strict=True)
    changed = " and ".join(f"{now} (then {then})" for then, now in pairs if then != now)
    return warn(f"Measured on {found.day} with other devices, so it is not used. Now there is {changed}.", AGAIN)
