"""`python -m edge.agents.local.worker`: the worker process."""

from edge.agents.local.worker.jobs import main

main()
