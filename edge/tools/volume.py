"""The loudness of the speaker, in percent, through whatever reads and sets it."""

from collections.abc import Callable
from datetime import datetime

from edge.tools.registry import Arguments, Result, Tool

_FULL = 100
_AUDIBLE = 30  # percent, where a sound that was off from the start comes back

_PERCENT = {"type": "integer", "minimum": 0, "maximum": _FULL, "description": "0 is off, 100 is as loud as it gets"}
_DELTA = {"type": "integer", "minimum": -_FULL, "maximum": _FULL, "description": "Percent to add; negative is quieter"}


class Volume:
    """The speaker's volume; remembers how loud it was before the sound was turned off."""

    def __init__(self, get: Callable[[], int], put: Callable[[int], None]) -> None:
        self._get = get
        self._put = put
        self._before = _AUDIBLE

    def set(self, percent: int) -> Result:
        """Set the volume, kept within 0 to 100."""
        before = self._get()
        self._before = before or self._before
        self._put(max(0, min(_FULL, percent)))
        return {"percent": self._get(), "before": before}

    def change(self, delta: int) -> Result:
        """Make it louder, or quieter when negative."""
        return self.set(self._get() + delta)

    def restore(self) -> Result:
        """Turn the sound on again as loud as it was; nothing when it is on."""
        return self.set(self._get() or self._before)

    def now(self) -> Result:
        """Tell the volume."""
        return {"percent": self._get()}


def volume_tools(get: Callable[[], int], put: Callable[[int], None]) -> tuple[Tool, ...]:
    """Make set_volume, change_volume, restore_volume and get_volume."""
    volume = Volume(get, put)
    to, by = _with_integer("percent", volume.set), _with_integer("delta", volume.change)
    return (
        Tool("set_volume", "Set how loud the device speaks.", to, {"percent": _PERCENT}, ("percent",)),
        Tool("change_volume", "Speak louder or quieter.", by, {"delta": _DELTA}, ("delta",)),
        Tool("restore_volume", "Turn the sound on again after it was off.", lambda _, __: volume.restore()),
        Tool("get_volume", "Tell how loud the device is.", lambda _, __: volume.now()),
    )


def _with_integer(name: str, do: Callable[[int], Result]) -> Callable[[Arguments, datetime], Result]:
    def call(arguments: Arguments, _: datetime) -> Result:
        value = arguments[name]
        return do(value if isinstance(value, int) else 0)

    return call
