"""The section [relay] of the configuration: a device's link to `edge-voice relay`."""

from __future__ import annotations

from dataclasses import dataclass

from edge.config.fields import setting


@dataclass(frozen=True, slots=True)
class Relay:
    """The section [relay]."""

    url: str = setting("", "the relay that this device is linked to, such as https://voice.example; none when empty, "
                           "unless edge-voice enrol has named one")  # fmt: skip
    commands: str = setting("all", "what its owners may do from there: all; quiet is what does not open the "
                                   "microphone; none is only to look", choices=("all", "quiet", "none"))  # fmt: skip
    transcripts: bool = setting(False, "whether what is said and answered may be sent there, for those who watch")
    levels: bool = setting(True, "whether the microphone's level is sent while somebody watches")
