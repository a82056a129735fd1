"""Peers, messages and findings as people and programs are shown them."""
