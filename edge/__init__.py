"""edge-voice: a voice agent for a small Linux device.

    microphone -> ring -> 10 ms frames -> voice activity -> events -> core.Conversation -> effects
    speaker    <- ring <- resampled replies <- agent events <- agent session <- audio of the turn

`core` decides (a pure function of event and time), `audio`, `panel`, `agents`, `tools` and `host`
touch the world behind the interfaces in `ports`, `daemon` carries events in and effects out, and
`wiring` is the one place that knows all of them.
"""

import os

# Before anything imports numpy. With more threads, the audio thread's small products of matrices wait for a helper that
# has no such priority: on a busy machine for as long as 2.3 s (measured), in which no microphone is read.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
