"""What a process of roost finds where it runs: its home, its configuration, its code, its streams."""
