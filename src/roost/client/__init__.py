"""Asking the daemon over its socket: what the commands, the page and other programs have in common."""
