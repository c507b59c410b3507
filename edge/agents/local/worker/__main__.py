"""`python -m edge.agents.local.worker`: the worker process."""

from contextlib import suppress
from pathlib import Path

from edge.agents.local.worker.jobs import main

FIRST_TO_GO = 500  # of 1000: without memory the kernel takes this process, and not the daemon, which starts another

with suppress(OSError):
    Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_GO))
main()
