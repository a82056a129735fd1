"""A message as somebody asks for it to be sent."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from roost.core.vocabulary.limits import BODY_BYTES, KEY_CHARACTERS, TOPIC_CHARACTERS, TTL_SECONDS
from roost.core.vocabulary.message import Message, Timing
from roost.daemon.state.attachments import safe_name
from roost.errors import UsageError


class Draft(Struct, frozen=True):
    """A message to send, as asked for. `ttl`, `timeout` and `reply_within` are seconds.

    `words`: those of a body that was not written as one; the first of them might be meant as a recipient.
    `traceparent`: the span in which it is sent, as its sender named it. `among`: it is one of several
    with the same key, each for a recipient of its own; `copies`: of what is attached, where they are made.
    `to_thread`: all who take part in the thread of its topic get it, too.
    """

    to: str
    body: str
    sender: str | None = None
    topic: str | None = None
    reply_to: str | None = None
    attach: Sequence[str] = ()
    ttl: float | None = None
    key: str | None = None
    wait: str = "stored"
    timeout: float | None = None
    timing: Timing = Timing.NEXT
    words: Sequence[str] = ()
    traceparent: str | None = None
    among: bool = False
    copies: tuple[str, ...] = ()
    reply_within: float | None = None
    to_thread: bool = False

    def checked(self) -> bytes:
        """The body as it is stored. Raises UsageError for anything that is beyond its bounds."""
        try:
            body = self.body.encode()
        except UnicodeEncodeError as error:
            raise UsageError("the message is not valid Unicode text") from error
        if len(body) > BODY_BYTES:
            raise UsageError(
                f"the message is {len(body)} bytes long, more than 1 MiB; send it as a file with --attach"
            )
        if self.topic is not None and len(self.topic) > TOPIC_CHARACTERS:
            raise UsageError(f"the topic is longer than {TOPIC_CHARACTERS} characters")
        if self.to_thread and not self.topic:
            raise UsageError("a thread has a name: --thread NAME")
        times = (("ttl", self.ttl), ("timeout", self.timeout), ("time for the answer", self.reply_within))
        for what, seconds in times:
            if seconds is not None and not 0 <= seconds <= TTL_SECONDS:  # not a number is refused, too
                raise UsageError(f"the {what} is a time from 0 to ten years, in seconds")
        if self.reply_within == 0:
            raise UsageError("the time for the answer must be longer than nothing")
        if self.key is not None and not 0 < len(self.key) <= KEY_CHARACTERS:
            raise UsageError(f"a key has 1 to {KEY_CHARACTERS} characters")
        return body

    def is_of(self, known: Message, digest: str, reply_to: str | None) -> bool:
        """Whether a message is what was asked for here, with that digest of the body and that whole id.

        A file that is there no more is known by its name.
        """
        names = tuple(Path(path).name for path in known.attachments)
        asked = tuple(safe_name(Path(path).name) for path in self.attach)
        return (known.digest, known.to, known.topic, known.reply_to, names) == (
            digest,
            self.to,
            self.topic,
            reply_to,
            asked,
        )
