"""The pure heart: events in, commands out; no clock, no I/O, no randomness."""
