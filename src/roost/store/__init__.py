"""The record on disk: SQLite, one writer, numbered migrations."""
