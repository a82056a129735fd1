"""A daemon that may open few files, as where a login sets a limit."""

import resource

from roost.daemon.__main__ import leave, main

FILES = 100

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    leave(main())
