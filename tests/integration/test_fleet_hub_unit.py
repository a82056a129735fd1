"""`roost fleet init --now`: the hub's server kept by a user manager that is a fake."""

import json
import sys
from pathlib import Path

import pytest

from tests.support.daemon import Roost
from tests.support.fake_systemd import FakeSystemd, runtime_folder
from tests.support.home import Home
from tests.support.nats import program

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="systemd is on Linux")]
INIT = ("fleet", "init", "--name", "mars", "--listen", "127.0.0.1:0")


def test_systemd_keeps_the_hub_or_says_why_not_and_the_line_is_printed_all_the_same(home: Home) -> None:
    systemd = FakeSystemd(home.root / "s", runtime_folder())
    roost = Roost(home)
    base = {**roost.environ, "PATH": f"{Path(program()).parent}:{roost.environ['PATH']}"}
    roost.environ = systemd.environ(base)
    systemd.mode("systemctl", "fail")
    failed = roost.cli(*INIT, "--now")
    assert failed.returncode == 1
    assert "roost fleet join roost1." in failed.stdout
    said = " ".join(failed.stderr.split())
    config = roost.places.hub / "nats.conf"
    assert "systemd does not keep the hub running: your systemd user manager does not answer" in said
    assert f"nats-server -c {config}" in said
    systemd.mode("systemctl", "")
    unit = home.user / ".config/systemd/user/roost-hub.service"
    for _ in range(2):
        systemd.forget()
        made = json.loads(roost.cli("fleet", "init", "--now", "--json").stdout)
        assert made["unit"] == str(unit)
        assert f'ExecStart="{program()}" "-c" "{config}"' in unit.read_text()
        assert systemd.calls() == [
            ["--user", "--no-pager", "daemon-reload"],
            ["--user", "--no-pager", "enable", "--now", "roost-hub.service"],
        ]
    unit.write_text("[Service]\nExecStart=other\n")
    other = roost.cli("fleet", "init", "--now")
    assert (other.returncode, "keeps another hub" in " ".join(other.stderr.split())) == (1, True)
