"""The channel of a program with an API of its own: a request with an answer, and no terminal in between."""
