"""`python -m edge` is `edge-voice`."""

from edge.cli import main

raise SystemExit(main())
