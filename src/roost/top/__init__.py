"""The full-screen view that `roost top` shows in a terminal: a client of the socket."""
