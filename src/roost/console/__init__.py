"""The near side of a terminal: what is typed there, the draft, the screen; standard library only."""
