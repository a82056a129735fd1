"""Which version of the tables this roost works with. A module of its own: commands ask without SQLite."""

SCHEMA = 10
"""The number of the last migration."""
