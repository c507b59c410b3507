"""`python -m edge` is `edge-voice`."""

from edge.cli import program

program()
