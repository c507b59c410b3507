"""From loudspeaker to microphone: whether a short quiet sound comes back. For `--thorough`: people hear it, too."""

from __future__ import annotations

from edge.audio.calibration import Loop, loop
from edge.audio.measuring import PLAYED_RATE
from edge.audio.sweep import brief
from edge.calibrate import measuring
from edge.config import Config
from edge.doctor.checks import Result, Results, skipped, warn, well
from edge.doctor.site import BAD_CONFIG, Presence, Site
from edge.errors import AudioError

LIMIT_S = 20.0  # 2.5 s of sound, and devices that are slow to open
OTHERS = {"array", "system"}  # who may have taken the sound away already: audio.echo
NOTHING = "Is the loudspeaker switched on, plugged in and turned up? With headphones it is as it should be."


def check(site: Site) -> Results:
    """Played and heard by this program itself, so not beside a daemon."""
    if site.config is None:
        return [BAD_CONFIG]
    if site.daemon.presence is not Presence.ABSENT:
        return [skipped("Not played: the daemon uses the sound devices.", "For this: sudo systemctl stop edge-voice")]
    if not site.config.audio.volume:
        return [skipped("Not played: the volume is 0.")]
    return [_heard(site.config)]


def _heard(config: Config) -> Result:
    try:
        with measuring(config) as (session, _, volume):
            recording, lost = session.run(brief(PLAYED_RATE))
    except AudioError as error:  # microphone and loudspeaker have told it already
        return skipped(f"Not played: {str(error).partition('. ')[0].rstrip('.')}.")
    return judged(loop(recording, volume), config.audio.echo, lost=lost)


def judged(found: Loop, echo: str, *, lost: bool) -> Result:
    """`echo`: audio.echo; `lost`: the devices lost samples meanwhile."""
    if found.return_db is not None and found.delay_ms is not None:
        return well(f"The microphone hears the loudspeaker: {found.return_db:+.0f} dB, {found.delay_ms:.0f} ms later "
                    f"(noise {found.noise_dbfs:.0f} dBFS).")  # fmt: skip
    if lost:
        return warn("Sound was lost while listening for the loudspeaker.", "Is the machine busy? Run this again.")
    if echo in OTHERS:
        return well(f'Nothing of the loudspeaker is left at the microphone, as audio.echo = "{echo}" promises.')
    return warn("The microphone hears nothing of the loudspeaker.", NOTHING)
