"""The messages that are not finished, as SQLite finds them without reading those that are."""

# SQLite uses the partial index only for its own words, and untold prefers the one of all messages.
QUEUE = "messages INDEXED BY messages_unfinished"
UNFINISHED = "(state = 'queued' OR state = 'offered' OR state = 'accepted' OR state = 'unknown')"
