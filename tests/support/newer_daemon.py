"""The daemon of a roost that knows a newer store: what `upgrade roost` puts in the place of ours."""

from roost.daemon.__main__ import leave, main
from roost.store import database

NEWER = 99
"""The version of its tables."""

if __name__ == "__main__":
    database.SCHEMA = NEWER
    leave(main())
