"""The native door: a process that the daemon keeps runs commands for callers that are no Python."""
