"""Wires the layers: runs commands, turns what happens into events, serves the socket and loopback HTTP."""
