"""Other hosts: what goes to them and comes from them, over whatever carries it."""
