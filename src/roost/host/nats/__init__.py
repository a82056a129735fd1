"""NATS JetStream as what carries between hosts."""
