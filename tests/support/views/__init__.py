"""Walks through the views of the real programs and records what they show: see `walk`."""
