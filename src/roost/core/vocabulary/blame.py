"""Whose failure it is: it is charged to who caused it, and only the agent's program, or a task, may count."""

from enum import StrEnum


class Blame(StrEnum):
    """Who caused a launch to fail.

    `ROOST`: our own program or a defect of it. `HOST`: the machine is short of something. `SETUP`: the
    agent's program or its folder is not there (now), or cannot be run. `PROGRAM`: the program ran, and ended.
    """

    ROOST = "roost"
    HOST = "host"
    SETUP = "setup"
    PROGRAM = "program"
