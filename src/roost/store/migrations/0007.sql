-- Where a message comes from, for its trace; and what was sent in the turn of which message.
ALTER TABLE messages ADD COLUMN origin TEXT;
CREATE INDEX messages_during ON messages (json_extract(origin, '$.during')) WHERE origin IS NOT NULL;
