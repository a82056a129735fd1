"""Where the demo plays: a stage whose commands are shown as they are typed."""

import shlex

from roost.demo import words
from roost.stage.errors import StepError
from roost.stage.stage import Stage

AGENT_LOG = "agents.jsonl"
"""The file below its folder in which the demo agents tell what truly happens to them."""


class Show(Stage):
    """A stage that people watch."""

    def __init__(self) -> None:
        """Make the folders."""
        super().__init__("demo", words.tell, {"COLUMNS": str(words.OUTPUT_COLUMNS)})
        self.agent_log = self.root / AGENT_LOG
        self.environ["ROOST_DEMO_LOG"] = str(self.agent_log)

    def roost(self, *arguments: str) -> str:
        """Run a command as a person would, show it and what it printed; returns that.

        Raises StepError when it fails.
        """
        words.command(shlex.join(["roost", *arguments]))
        done = self.run(*arguments)
        words.output(done.stdout + done.stderr)
        if done.returncode != 0:
            said = done.stderr.strip().removeprefix("roost: ")
            raise StepError(f"`roost {arguments[0]}` ended with {done.returncode}: {said}")
        return done.stdout + done.stderr
