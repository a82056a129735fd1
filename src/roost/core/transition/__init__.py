"""One transition under way: a peer's state as the rules change it, its turns, its session's end."""
