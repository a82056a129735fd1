"""One message into one session; what is asked of a running turn; notices."""
