"""What people and agents can ask, whichever door they come through, by what it is about."""
