"""A temporary home with a daemon of its own, in which something is shown or tried for real."""
