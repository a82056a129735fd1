"""Finding messages and events by their words."""
