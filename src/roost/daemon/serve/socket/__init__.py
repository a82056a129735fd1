"""The Unix socket of the command line."""
