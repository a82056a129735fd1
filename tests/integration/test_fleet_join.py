"""Joining is one command: printed lines, tokens, owned names, hosts that are turned away (issue 16.4)."""

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import msgspec
import pytest

from roost.client.connection import RemoteError
from roost.daemon.registrar.identity import Identity
from roost.daemon.registrar.join_token import read, written
from roost.daemon.registrar.roster import Roster
from roost.host.nats.keys import public_of, user_key
from roost.host.nats.subjects import host_inbox, join, token_inbox
from roost.host.tls import as_der, new_authority
from tests.support.hub_host import Joining, asked, joined, refused
from tests.support.intruder import intrude
from tests.support.wait import wait_until

PATIENCE = 60.0


@pytest.fixture(scope="module")
def fleet() -> Iterator[Joining]:
    """The hub on mars, venus joined by the line that `init` printed, and a home that is in no fleet."""
    with joined("venus") as made:
        made["venus"].add("reviewer")
        made.home("spare")
        yield made


def sent(fleet: Joining, here: str, to: str, body: str) -> str:
    """Send once the host knows whom it is for; the id."""
    found: list[str] = []

    def stored() -> bool:
        with suppress(RemoteError):
            found.append(str(fleet[here].send(to, body)["id"]))
        return bool(found)

    wait_until(stored, timeout=PATIENCE, why=f"{here} knows {to}")
    return found[0]


def done(fleet: Joining, here: str, message: str) -> None:
    wait_until(
        lambda: fleet[here].call("message", id=message)["state"] == "done",
        timeout=PATIENCE,
        why="the message is done",
        describe=lambda: fleet[here].call("message", id=message),
    )


def journalled(fleet: Joining, kind: str, **facts: str) -> None:
    """Wait until the hub's host has written down a line with these facts in it."""
    wait_until(
        lambda: any(
            all(value in str(line.get(key)) for key, value in facts.items()) for line in fleet.journal(kind)
        ),
        timeout=PATIENCE,
        why=f"{kind} {facts} is in the journal",
        describe=lambda: fleet.journal(kind),
    )


def by_hand(fleet: Joining, seed: str, inbox: str = "_INBOX", **acts: list[Any]) -> dict[str, Any]:
    """What becomes of somebody who connects to the hub with this seed."""
    member = fleet.member("venus")
    return intrude(member.servers, seed, member.ca, inbox, **acts)


def test_an_agent_of_a_host_that_joined_by_the_printed_line_is_woken(fleet: Joining) -> None:
    fleet.knows("mars", venus=True)
    done(fleet, "mars", sent(fleet, "mars", "reviewer@venus", "look at PR 12"))
    journalled(fleet, "host-joined", host="venus")


def test_a_peer_moves_over_a_hub_that_lets_each_do_what_it_may(fleet: Joining) -> None:
    mars, venus = fleet["mars"], fleet["venus"]
    mars.places.config.write_text('[fleet.grants.venus]\nmove = ["scout"]\n')
    mars.down(agents=False)
    mars.start()
    fleet.knows("venus", mars=True)
    venus.add("scout")
    done = venus.cli("move", "scout", "mars", "--dir", str(mars.home.work))
    assert (done.returncode, done.stdout) == (0, "scout lives on mars now; it is scout@mars here\n"), (
        done.stderr
    )
    assert mars.row("scout")["dir"] == str(mars.home.work)


def test_what_was_written_is_for_its_user_alone(fleet: Joining) -> None:
    places = fleet["mars"].places
    secrets = [places.membership, places.identity, places.roster, places.hub / "hub.key", places.hub]
    assert [f"{path.stat().st_mode & 0o777:o}" for path in secrets] == ["600", "600", "600", "600", "700"]
    text = (places.hub / "nats.conf").read_text()
    roster = msgspec.json.decode(places.roster.read_bytes(), type=Roster)
    assert roster.registrar not in text
    assert roster.system not in text


def test_init_again_says_what_is_there_and_changes_nothing(fleet: Joining) -> None:
    before = fleet["mars"].places.roster.read_bytes()
    again = asked(fleet["mars"], "fleet", "init")
    assert (again["host"], again["line"], again["restarted"]) == ("mars", None, False)
    assert "the hub of a fleet" in refused(fleet["mars"], "fleet", "init", "--name", "pluto")
    assert fleet["mars"].places.roster.read_bytes() == before
    done = fleet["mars"].cli("fleet", "token", "--ttl", "1d", "--uses", "2")
    assert read(done.stdout.removeprefix("roost fleet join ")).expires_at > time.time() + 86000
    assert "2 hosts may join by this line" in " ".join(done.stderr.split())


def test_a_token_lets_in_once_and_its_host_again(fleet: Joining) -> None:
    token = fleet.token()
    spare, venus = fleet["spare"], fleet["venus"]
    assert "`roost fleet leave` first" in refused(venus, "fleet", "join", token, "--name", "other")
    member = venus.places.membership.read_bytes()
    venus.places.membership.unlink()  # as after a crash between the registrar's answer and the file
    assert asked(venus, "fleet", "join", token)["host"] == "venus"
    assert venus.places.membership.read_bytes() == member
    asked(spare, "fleet", "join", token, "--name", "spare")
    spare.places.membership.unlink()
    assert asked(spare, "fleet", "join", token)["new"] is True
    assert asked(spare, "fleet", "join", token)["new"] is False
    asked(spare, "fleet", "leave")
    fleet.knows("mars", venus=True)
    said = refused(spare, "fleet", "join", token, "--new-keys", "--name", "third")
    assert said == "roost: this token was used by spare; `roost fleet token` on the hub's host prints another"
    journalled(fleet, "host-refused", host="third", why="this token was used by spare")
    journalled(fleet, "host-left", host="spare")


def test_a_name_belongs_to_the_key_that_came_with_it(fleet: Joining) -> None:
    token = read(fleet.token())
    shown = {"key": "00" * 32, "nkey": user_key().public}
    asks = [[join(token.id), json.dumps({"host": name, **shown})] for name in ("venus", "mars")]
    done = by_hand(fleet, token.seed, token_inbox(token.id), ask=asks)
    assert [answer["code"] for answer in done["answers"]] == ["refused", "refused"]
    assert "the name 'venus' belongs to another host of this fleet" in done["answers"][0]["why"]
    journalled(fleet, "host-refused", host="mars", why="belongs to another host")
    assert list(fleet.reached("mars")) == ["venus"]


def test_tokens_that_are_over_broken_or_of_another_hub_are_refused(fleet: Joining) -> None:
    spare = fleet["spare"]
    over = fleet.token(ttl=0.5)
    wait_until(
        lambda: read(over).id not in (fleet["mars"].places.hub / "nats.conf").read_text(),
        timeout=PATIENCE,
        why="the hub knows the token no more",
    )
    assert "does not let this host in" in refused(spare, "fleet", "join", over)
    journalled(fleet, "hub-refused", nkey=public_of(read(over).seed), why="knows no such key")
    good = read(fleet.token())
    other = msgspec.structs.replace(good, ca=as_der(new_authority(time.time()).certificate))
    assert "the hub is not reached" in refused(spare, "fleet", "join", written(other))
    other = msgspec.structs.replace(good, authority=bytes(32))
    assert "not signed by whom it should be" in refused(spare, "fleet", "join", written(other))
    asked(spare, "fleet", "join", fleet.token())
    asked(spare, "fleet", "leave")
    assert "no join token" in refused(spare, "fleet", "join", written(good)[:-9], status=2)
    assert "no name for a host" in refused(spare, "fleet", "join", written(good), "--name", "A b", status=2)
    assert not spare.places.membership.exists()


def test_who_shows_no_key_that_the_hub_knows_is_turned_away(fleet: Joining) -> None:
    key = user_key()
    assert "Authorization Violation" in by_hand(fleet, key.seed)["why"]
    journalled(fleet, "hub-refused", nkey=key.public, why="knows no such key")


def test_a_host_does_nothing_in_anothers_name(fleet: Joining) -> None:
    """Nor writes certificates, nor reads what is for others, nor lets others in or out."""
    publish = [
        "roost.to.mars.from.pluto",
        "$KV.ROOST_FLEET.cert.venus",
        "$KV.ROOST_FLEET.host.mars",
        "$JS.API.CONSUMER.MSG.NEXT.ROOST_MARS.roost",
        "$JS.API.STREAM.DELETE.ROOST_MARS",
        "$JS.API.STREAM.CREATE.ROOST_OTHER",
        "roost.leave.mars",
        "_INBOX.host.mars.x",
        "$SYS.REQ.SERVER.PING",
    ]
    subscribe = ["roost.>", "$KV.>", "_INBOX.>", "$SYS.>"]
    seed = fleet.member("venus").seed
    done = by_hand(fleet, seed, host_inbox("venus"), publish=publish, subscribe=subscribe)
    assert done["denied"] == [*publish, *subscribe]
    journalled(fleet, "hub-refused", host="venus", why="may not publish to roost.to.mars.from.pluto")


def test_the_holder_of_a_token_may_ask_to_be_let_in_and_nothing_else(fleet: Joining) -> None:
    token, other = read(fleet.token()), read(fleet.token())
    publish = [join(other.id), "roost.to.mars.from.venus", "$JS.API.STREAM.NAMES"]
    texts = ["", "{}", '{"host":"x","key":"00","nkey":"U } }"}', "\x00" * 1000]
    asks = [[join(token.id), text] for text in texts]
    done = by_hand(fleet, token.seed, token_inbox(token.id), publish=publish, ask=asks)
    assert done["denied"] == publish
    assert [answer["code"] for answer in done["answers"]] == ["usage"] * len(texts)


def test_a_revoked_host_is_cut_off_and_its_key_and_token_are_worth_nothing(fleet: Joining) -> None:
    mars = fleet["mars"]
    pluto = fleet.home("pluto")
    token = fleet.token(uses=5)
    pluto.start()
    made = asked(pluto, "fleet", "join", token, "--name", "pluto")
    assert made["restarted"] is True
    fleet.knows("venus", mars=True, pluto=True)
    assert asked(mars, "fleet", "revoke", "pluto") == {"host": "pluto", "cut_off": True, "why": ""}
    wait_until(
        lambda: "does not let this host in" in pluto.call("fleet")["trouble"],
        timeout=PATIENCE,
        why="pluto says that it is not let in",
    )
    fleet.knows("venus", mars=True)
    identity = msgspec.json.decode(pluto.places.identity.read_bytes(), type=Identity)
    assert "Authorization Violation" in by_hand(fleet, identity.seed, host_inbox("pluto"))["why"]
    journalled(fleet, "host-revoked", host="pluto")
    journalled(fleet, "hub-refused", host="pluto", why="knows no such key")
    assert "--force" in refused(pluto, "fleet", "leave")
    assert asked(pluto, "fleet", "leave", "--force")["restarted"] is True
    assert pluto.cli("down", "--agents").returncode == 0
    stolen = refused(pluto, "fleet", "join", token, "--new-keys", "--name", "charon")
    assert "does not let this host in" in stolen
    token = fleet.token()
    assert "was revoked, as 'pluto', and its key is let in" in refused(pluto, "fleet", "join", token)
    again = asked(pluto, "fleet", "join", token, "--new-keys", "--name", "charon")
    assert (again["host"], again["restarted"]) == ("charon", None)
    fleet.knows("mars", charon=False, venus=True)
    asked(pluto, "fleet", "leave")
    fleet.knows("mars", venus=True)


def test_who_is_no_other_host_of_the_fleet_is_not_revoked(fleet: Joining) -> None:
    assert "no host 'nobody'" in refused(fleet["mars"], "fleet", "revoke", "nobody", status=4)
    assert "would end with it" in refused(fleet["mars"], "fleet", "revoke", "mars")


def test_a_crash_on_the_way_and_a_hub_that_lost_all_are_mended(fleet: Joining) -> None:
    """The roster counts: what follows from it is made anew, by the daemon of the hub's host."""
    mars, config = fleet["mars"], fleet["mars"].places.hub / "nats.conf"
    text = config.read_text()
    mars.kill()
    fleet.kill_server()
    config.write_text(text.replace("# venus", "# somebody"))
    shutil.rmtree(mars.places.hub / "jetstream")
    assert "the daemon is down" in " ".join(mars.cli("fleet").stderr.split())
    mars.start()
    wait_until(
        lambda: "the hub is not reached" in mars.call("fleet")["trouble"],
        timeout=PATIENCE,
        why="status says that the hub is not there",
        describe=lambda: mars.call("fleet"),
    )
    fleet.serve()
    fleet.knows("venus", mars=True)
    assert config.read_text().count("# venus") == 1
    done(fleet, "mars", sent(fleet, "mars", "reviewer@venus", "after the crash"))
    fleet.kill_server()
    shutil.rmtree(mars.places.hub / "jetstream")
    fleet.serve()
    done(fleet, "mars", sent(fleet, "mars", "reviewer@venus", "after the loss"))


@pytest.mark.parametrize("others_alone_know", [False, True])
def test_who_was_revoked_is_not_let_in_by_a_hub_put_back_from_a_copy(
    fleet: Joining, others_alone_know: bool
) -> None:
    """What was signed since is kept on the hub, in the store, and by the other hosts."""
    mars, name = fleet["mars"], f"eris{int(others_alone_know)}"
    eris = fleet.home(name)
    asked(eris, "fleet", "join", fleet.token(), "--name", name)
    fleet.knows("venus", mars=True, **{name: False})
    copy = mars.places.roster.read_bytes()
    asked(mars, "fleet", "revoke", name)
    fleet.knows("venus", mars=True)
    mars.down(agents=False)
    fleet.kill_server()
    mars.places.roster.write_bytes(copy)
    with closing(sqlite3.connect(mars.places.database)) as store, store:
        store.execute("DELETE FROM meta WHERE key = 'hosts:ring'")
    if others_alone_know:
        shutil.rmtree(mars.places.hub / "jetstream")
    fleet.serve()
    mars.start()
    journalled(fleet, "roster-behind", hosts=name)
    fleet.knows("mars", venus=True)
    fleet.knows("venus", mars=True)
    identity = msgspec.json.decode(eris.places.identity.read_bytes(), type=Identity)
    wait_until(
        lambda: "Authorization Violation" in by_hand(fleet, identity.seed, host_inbox(name))["why"],
        timeout=PATIENCE,
        why="the hub knows its key no more",
    )


def test_what_needs_the_hub_or_the_daemon_says_so(fleet: Joining) -> None:
    spare = fleet["spare"]
    assert "not the hub of its fleet" in refused(fleet["venus"], "fleet", "token")
    assert "`roost up`" in refused(spare, "fleet", "token", status=5)
    assert "in no fleet" in spare.cli("fleet").stdout
    assert "in no fleet" in refused(spare, "fleet", "leave")
    assert "has the hub of this fleet" in refused(fleet["mars"], "fleet", "leave")
    assert "needs the token" in refused(spare, "fleet", "join", status=2)
    assert "--ttl does not go with" in refused(spare, "fleet", "join", "x", "--ttl", "1h", status=2)


def test_a_hub_cannot_be_made_where_it_could_not_serve(fleet: Joining) -> None:
    spare = fleet["spare"]
    none = spare.cli("fleet", "init", environ={"PATH": "/nowhere"})
    assert (none.returncode, "there is none here" in " ".join(none.stderr.split())) == (1, True), none.stderr
    taken = fleet.member("mars").servers[0].removeprefix("tls://")
    assert "nothing can listen on" in refused(spare, "fleet", "init", "--listen", taken)
    assert "not of the form" in refused(spare, "fleet", "init", "--listen", "4222", status=2)
    agent = spare.cli("fleet", "init", environ={"ROOST_TOKEN": "x"})
    assert "an agent cannot do that" in agent.stderr
    assert not spare.places.roster.exists()
