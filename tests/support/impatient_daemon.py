"""A daemon that waits for a person's draft for an instant at each try, and writes down each of them."""

import os

from roost.daemon.__main__ import leave, main
from roost.daemon.delivery.open_offer import OpenOffer
from roost.daemon.delivery.paste import prompt

TRIES = "ROOST_TRIES"
"""In the environment: the file that gets a line for each try."""

_wait_free = prompt.Prompt.wait_free


async def _counted(
    self: prompt.Prompt, offer: OpenOffer | None = None, *, steers: bool = False
) -> str | None:
    with open(os.environ[TRIES], "a", encoding="utf-8") as tries:  # noqa: ASYNC230, PTH123 -- of a test
        tries.write("try\n")
    return await _wait_free(self, offer, steers=steers)


prompt.DRAFT_WAIT = 0.0
prompt.Prompt.wait_free = _counted

if __name__ == "__main__":
    leave(main())
