"""The methods of the socket, one table a subject."""
