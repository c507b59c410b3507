"""The live view of `talk`, drawn with rich."""

from edge.panel.terminal.view import TerminalView

__all__ = ["TerminalView"]
