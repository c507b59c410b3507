"""What goes wrong while a bundle is built."""


class BundleError(Exception):
    """One or two lines for a person."""
