"""The commands. Each module is loaded only when one of its commands runs."""
