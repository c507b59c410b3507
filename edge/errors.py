"""Every error the project raises on purpose, as one tree.

EdgeVoiceError            str(error) is what a person reads: what happened, where, what to do
+-- ConfigError           the configuration is wrong; lists every problem (exit code 78)
+-- UsageError            the command line asks for something that cannot be (exit code 2)
+-- AudioError            a sound file or a sound device cannot be used
|   +-- DeviceGone        the device was there and has vanished, or never came
|   +-- Unavailable       a mixer does not answer (audio.mixer)
+-- ModelError            a model file is missing, damaged or cannot be fetched
+-- AgentError            an engine failed; `retryable` says whether trying again can help
|   +-- WireError         a frame of the Realtime protocol is none (agents.realtime.reading)
|   +-- Refused           no Realtime session is to be had (agents.realtime.refusal)
|   +-- StageFailed       a stage of the chained engine cannot do its work (core.chain)
+-- PanelError            a pin, a lamp or a switch cannot be used
+-- ControlError          the control socket cannot be opened or does not answer
+-- LinkError             the relay cannot be reached, or does not take this device
"""

EX_FAILED = 1
EX_USAGE = 2
EX_CONFIG = 78  # sysexits.h EX_CONFIG, which systemd's RestartPreventExitStatus can name


class EdgeVoiceError(Exception):
    """Base of all errors meant for a person: one or two lines, no traceback."""

    exit_code = EX_FAILED


class ConfigError(EdgeVoiceError):
    """All the mistakes of a configuration at once."""

    exit_code = EX_CONFIG

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class UsageError(EdgeVoiceError):
    """The command was called in a way that cannot work."""

    exit_code = EX_USAGE


class AudioError(EdgeVoiceError):
    """A sound file or device cannot be used as asked."""


class DeviceGone(AudioError):
    """The sound device is not there (any more)."""


class ModelError(EdgeVoiceError):
    """A model is missing, damaged, or could not be fetched."""


class AgentError(EdgeVoiceError):
    """An engine failed. `retryable`: the same request may go through later."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        self.retryable = retryable
        super().__init__(message)


class PanelError(EdgeVoiceError):
    """A part of the panel is not there, or not to be had."""


class ControlError(EdgeVoiceError):
    """The daemon's control socket is not there, is taken, or did not answer in time."""


class LinkError(EdgeVoiceError):
    """There is no link to the relay; says why, and what to do."""
