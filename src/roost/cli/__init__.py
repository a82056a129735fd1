"""The command line: a thin client of the daemon's socket. It starts fast and loads little."""
