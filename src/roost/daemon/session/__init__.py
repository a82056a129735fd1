"""One live session: launched, watched, driven; what it shows, what it leaves, its files."""
