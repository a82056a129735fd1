"""What the core commands, done."""
