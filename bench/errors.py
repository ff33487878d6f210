"""What goes wrong in a benchmark."""

from __future__ import annotations


class BenchError(Exception):
    """The benchmark can't be run here; the message says why and what to do."""


class Void(Exception):
    """A run that says nothing about the server; the message is the reason."""


class Busy(Void):
    """Void, because the load client was too busy to tell."""
