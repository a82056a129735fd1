"""The page that `roost web` serves to a person's browser: a process of its own, a client of the socket."""
