"""F12: a folder that is renamed, replaced or removed while its agent lives is told to everybody."""

from tests.support.daemon import Roost, alive, roost_in
from tests.support.home import Home
from tests.support.wait import wait_until

PATIENCE = 30.0


def told(roost: Roost, words: str) -> None:
    """The registry says so, for people and programs; and doctor."""

    def found() -> bool:
        wrong = [one["detail"] for one in roost.call("doctor") if one["check"] == "folder of a"]
        return words in "".join(wrong) and words in roost.row("a")["why"]

    wait_until(found, timeout=PATIENCE, why=words, describe=lambda: roost.row("a"))
    assert words in roost.call("show", name="a")["why"]


def fine(roost: Roost) -> None:
    wait_until(
        lambda: "folder" not in roost.row("a")["why"],
        timeout=PATIENCE,
        why="its folder is back",
        describe=lambda: roost.row("a"),
    )


def test_F12_the_fate_of_a_folder_is_told_and_restart_looks_first(home: Home) -> None:
    folder, aside = home.work / "a", home.work / "aside"
    with roost_in(home) as roost:
        roost.add("a")
        roost.call("wake", name="a")
        pid = roost.session("a")["agent_pid"]
        folder.rename(aside)
        told(roost, f"its folder {folder} is {aside} now")
        sent = roost.cli("send", "a", "hello")
        assert sent.returncode == 0
        assert f"its folder {folder} is {aside} now" in sent.stderr
        refused = roost.cli("restart", "a")
        assert refused.returncode == 1
        assert "its session is left as it is" in refused.stderr
        assert alive(pid)
        folder.mkdir()
        told(roost, f"another folder stands at {folder}; it works in the old one, {aside}")
        roost.kill()
        roost.start()
        told(roost, f"another folder stands at {folder}")
        folder.rmdir()
        aside.rename(folder)
        fine(roost)
        assert roost.session("a")["agent_pid"] == pid
        folder.rmdir()
        told(roost, f"its folder {folder} was removed")
        folder.mkdir()
        told(roost, "which was removed")
        roost.call("restart", name="a")
        fine(roost)
        assert not alive(pid)
