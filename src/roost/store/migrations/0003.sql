-- When a busy recipient gets the message.
ALTER TABLE messages ADD COLUMN timing TEXT NOT NULL DEFAULT 'next';
