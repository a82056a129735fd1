"""Traces of messages, told to an OpenTelemetry collector."""
