"""From what is asked to be sent to a stored message, and what becomes of it."""
