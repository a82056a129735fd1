"""The client of an ACP agent: the program in the terminal of a session whose agent speaks ACP on its stdio.

It shows the conversation, keeps a record of it, and takes calls on a socket. It stands alone (the standard
library and `roost.console`): there is one for each session, for as long as that lasts.
"""
