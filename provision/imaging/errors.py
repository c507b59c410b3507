"""What `provision/image` ends with, told in a line or two."""

from __future__ import annotations


class ImageError(Exception):
    """Something is in the way, and what it says tells what to do. The command ends with exit code 1."""

    exit_code = 1


class Usage(ImageError):
    """The command line is wrong. Exit code 2."""

    exit_code = 2
