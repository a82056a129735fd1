"""F20, G11: what has ended long ago goes, the file shrinks, and attachments that nobody names are removed."""

import os
from pathlib import Path

from tests.support.daemon import Roost, roost_in
from tests.support.home import Home
from tests.support.wait import wait_until

PATIENCE = 30.0
LARGE = 60_000
COUNT = 100


def attached(roost: Roost, to: str, name: str) -> Path:
    """A message with an attachment; the copy, two hours old."""
    source = roost.home.work / name
    source.write_text(name)
    sent = roost.send(to, "look", attach=[str(source)])["id"]
    copy = Path(roost.message(sent)["attachments"][0])
    old = copy.stat().st_mtime - 7200
    os.utime(copy, (old, old))
    return copy


def size(roost: Roost) -> int:
    return roost.places.database.stat().st_size


def test_F20_G11_the_store_lets_go_of_what_is_over_and_gives_its_room_back(home: Home) -> None:
    with roost_in(home) as roost:
        roost.add("m", "human", queue_limit="1000", sender_limit="1000")
        roost.add("gone", "human")
        read = [roost.send("m", "x" * LARGE)["id"] for _ in range(COUNT)]
        roost.call("acknowledge", name="m", ids=read)
        kept = roost.send("m", "unread")["id"]
        named, unnamed = attached(roost, "m", "named"), attached(roost, "gone", "unnamed")
        roost.call("remove", name="gone", force=True)
        roost.down(agents=False)
        before = size(roost)
        assert before > COUNT * LARGE
        roost.places.config.write_text('[keep]\nmessages = "1ms"\nevents = "1ms"\n')
        roost.start()
        wait_until(
            lambda: size(roost) < before / 3,
            timeout=PATIENCE,
            why="the file shrinks",
            describe=lambda: size(roost),
        )
        assert [item["id"] for item in roost.call("inbox", name="m") if item["body"] == "unread"] == [kept]
        assert "there is no message" in roost.cli("message", read[0]).stderr
        wait_until(lambda: not unnamed.exists(), timeout=PATIENCE, why="what nobody names goes")
        assert named.exists()
