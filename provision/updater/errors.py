"""What the updater says instead of a traceback.

UpdateError        exit code 1: it failed; str(error) says why, in a line
+-- Refused        nothing was changed: this bundle is not for this device, or not what was signed
+-- RolledBack     the release was tried and is not good: the one before runs again
+-- NotNow         exit code 75: not at this moment; the same command may do later
+-- Usage          exit code 2: the command line or update.conf is wrong
"""


class UpdateError(Exception):
    """Base of all: one line for a person."""

    exit_code = 1


class Refused(UpdateError):
    """Nothing was changed."""


class RolledBack(UpdateError):
    """The new release was not good; the one before runs."""


class NotNow(UpdateError):
    """Somebody is talking, it is outside of the window, or another update is under way."""

    exit_code = 75


class Usage(UpdateError):
    """The command cannot be understood."""

    exit_code = 2
