"""Limits of the outward contract."""

BODY_BYTES = 1024 * 1024
TOPIC_CHARACTERS = 200
ATTACHMENTS = 20
ATTACHMENT_BYTES = 256 * 1024 * 1024
"""An attachment is copied: a larger file is better named than sent."""
QUEUE_LIMIT = 1000
SENDER_LIMIT = 200
"""How many messages of one sender wait for a peer at most: one that runs wild leaves room for the others."""
CHAIN_LIMIT = 30
"""How many messages in a row agents may send each other without a person's word."""
REPLIES_AWAITED = 200
"""How many answers a peer may await by a time: each of them stands in its row."""
QUOTE_BYTES = 64 * 1024
"""What a message quotes of conversations: beyond this, a part of them is to be chosen."""
RECIPIENTS = 20
"""One message goes to more peers than these only where its sender says that it is meant."""
THREADS_LEFT = 200
"""How many threads, the latest, a peer is known to have left: each of them stands in its row."""
POINTER_BYTES = 128 * 1024
"""A body above this many bytes is written to a file and the pasted text points to it."""
TOPICS_KEPT = 16
"""How many topics of a conversation count for `resume = topic`."""
EARLIER_KEPT = 8
"""How many conversations that its terminal has left a peer remembers with their topics."""
CONVERSATIONS_KEPT = 64
"""How many ended conversations a peer remembers that keeps them apart."""
KEY_CHARACTERS = 200
TTL_SECONDS = 3650 * 86400.0
"""A message waits for ten years at most; a caller as long."""
PREFIX_LEAST = 4
"""Digits of a message's id that may stand for it, where they tell it from all others."""
