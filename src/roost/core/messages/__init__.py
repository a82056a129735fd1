"""The rules of messages: offered, in doubt, refused, waiting; the envelope that each arrives in."""
