"""The rules of sessions: woken, launched, taken in, asked, ended, dead; what evidence proves."""
