"""Each row against what is really there, at a start, at intervals, and when a person asks."""
