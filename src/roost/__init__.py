"""roost: supervisor and message fabric for coding-agent command lines."""

__version__ = "0.1.0"
