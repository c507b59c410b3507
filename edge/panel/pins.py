"""The pins of a Raspberry Pi through gpiozero, with whichever library reaches them here."""

from __future__ import annotations

import os
import warnings
from contextlib import redirect_stdout
from importlib.metadata import entry_points
from typing import Any

from edge.errors import PanelError

NO_LIBRARY = "gpiozero is not installed: pip install 'edge-voice[pi]'"
GROUP = "gpiozero_pin_factories"


def pin_factory(name: str = "") -> Any:
    """The factory of this name, or gpiozero's own choice; raises PanelError in words when there are no pins here."""
    _give_lgpio_a_folder()
    try:
        with warnings.catch_warnings(), redirect_stdout(None):  # it and pigpio tell at length what they tried in vain
            warnings.simplefilter("ignore")
            return _made(name)
    except ModuleNotFoundError as error:
        raise PanelError(NO_LIBRARY if error.name == "gpiozero" else f"{error.name} is not installed") from None
    except Exception as error:  # each library has errors of its own, and none of them may stop the daemon
        raise PanelError(str(error).strip() or type(error).__name__) from error


def _made(name: str) -> Any:
    from gpiozero import Device

    if name:
        (entry,) = entry_points(group=GROUP, name=name)
        return entry.load()()
    Device.ensure_pin_factory()
    return Device.pin_factory


def _give_lgpio_a_folder() -> None:
    """It makes a named pipe in the working directory, and a service's is /, where that fails (lgpio 0.2.2).

    With LG_WD it changes the directory first.
    """
    folder = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if folder:
        os.environ.setdefault("LG_WD", folder)
