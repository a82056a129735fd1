"""What the daemon knows of itself, of its host and of what needs a person."""
