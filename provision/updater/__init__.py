"""The on-device updater: outside of every release, the standard library only, Python 3.11 to 3.13."""

VERSION = 1  # a bundle with a higher number replaces the updater, after it has been found good
