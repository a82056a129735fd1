"""The hook channel: its program asks for mail."""
