"""What goes to another host, in order and once: numbered there, counted here."""
