"""Who is let into a fleet, and what the hub is told: the pure parts of the registrar (issue 16.4)."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from roost.daemon.hosts.keyring import Keyring
from roost.daemon.registrar import address
from roost.daemon.registrar.join_token import JoinToken, read, written
from roost.daemon.registrar.roster import (
    Asked,
    Entry,
    MemberState,
    Roster,
    admitted,
    caught_up,
    departed,
    enrolled,
    with_token,
    without_old_tokens,
)
from roost.daemon.registrar.watch import AGAIN, TurnedAway, Watch, turned_away
from roost.errors import ConfigError, NotFoundError, RefusedError, UsageError
from roost.host.errors import ForgedError
from roost.host.files import Tail
from roost.host.nats.configuration import Files, User, configuration, near
from roost.host.nats.keys import is_public, public_of, user_key
from roost.host.nats.program import ServerMissing, checked
from roost.host.nats.subjects import of_host
from roost.host.seal import signing_pair
from roost.host.tls import RENEW, as_der, as_pem, is_due, new_authority, new_server
from roost.local import membership
from roost.local.membership import check_installed

AUTHORITY = signing_pair()
NOW = 1_000_000.0
SERIAL = int(NOW * 1000)
"""Of the first certificate that is signed then."""


def host(name: str) -> Asked:
    """A host with keys of its own."""
    return Asked(name, signing_pair().public.hex(), user_key().public)


MARS, VENUS, PLUTO = host("mars"), host("venus"), host("pluto")
EMPTY = Roster(
    hub="mars",
    listen="0.0.0.0:4222",
    advertise="mars.example:4222",
    authority=AUTHORITY.private.hex(),
    public=AUTHORITY.public.hex(),
    ca="",
    ca_key="",
    certificate="",
    certificate_key="",
    registrar="",
    system="",
)


def fleet(uses: int = 1) -> tuple[Roster, str]:
    """A hub on mars, and a token that is good for an hour."""
    return with_token(enrolled(EMPTY, MARS, NOW), user_key(), NOW + 3600, uses)


def certified(roster: Roster, name: str) -> Keyring:
    ring = Keyring(AUTHORITY.public)
    ring.learn(roster.certified(name))
    return ring


def test_who_shows_a_token_is_let_in_and_certified() -> None:
    roster, token = fleet()
    roster = admitted(roster, token, VENUS, NOW)
    assert roster.members() == ["mars", "venus"]
    assert roster.whose(VENUS.nkey) == "venus"
    assert certified(roster, "venus").key("venus") == bytes.fromhex(VENUS.key)
    assert roster.tokens[token].used == ("venus",)


def test_the_same_host_is_let_in_again_and_uses_nothing_up() -> None:
    roster, token = fleet()
    roster = admitted(roster, token, VENUS, NOW)
    assert admitted(roster, token, VENUS, NOW) is roster


@pytest.mark.parametrize(
    ("asked", "later", "why"),
    [
        (host("venus"), 0.0, "belongs to another host"),
        (host("mars"), 0.0, "belongs to another host"),
        (msgspec.structs.replace(VENUS, host="other"), 0.0, "called 'venus'"),
        (msgspec.structs.replace(PLUTO, nkey=VENUS.nkey), 0.0, "called 'venus'"),
        (msgspec.structs.replace(PLUTO, key=MARS.key), 0.0, "called 'mars'"),
        (PLUTO, 3600.0, "this token is over"),
    ],
)
def test_who_is_refused(asked: Asked, later: float, why: str) -> None:
    roster, token = fleet(uses=9)
    roster = admitted(roster, token, VENUS, NOW)
    with pytest.raises(RefusedError, match=why):
        admitted(roster, token, asked, NOW + later)


def test_a_token_that_is_used_up_or_that_nobody_made_lets_nobody_in() -> None:
    roster, token = fleet()
    roster = admitted(roster, token, VENUS, NOW)
    with pytest.raises(RefusedError, match="was used by venus"):
        admitted(roster, token, PLUTO, NOW)
    with pytest.raises(RefusedError, match="is over"):
        admitted(roster, "nobody", PLUTO, NOW)


@pytest.mark.parametrize(
    "asked",
    [
        msgspec.structs.replace(PLUTO, host=""),
        msgspec.structs.replace(PLUTO, host="Pluto"),
        msgspec.structs.replace(PLUTO, host="a.b"),
        msgspec.structs.replace(PLUTO, host="*"),
        msgspec.structs.replace(PLUTO, host="x" * 33),
        msgspec.structs.replace(PLUTO, key="00"),
        msgspec.structs.replace(PLUTO, key="g" * 64),
        msgspec.structs.replace(PLUTO, nkey="U } }"),
        msgspec.structs.replace(PLUTO, nkey="A" + PLUTO.nkey[1:]),
    ],
)
def test_what_could_break_out_of_a_subject_or_of_the_configuration_is_refused(asked: Asked) -> None:
    roster, token = fleet()
    with pytest.raises(UsageError):
        admitted(roster, token, asked, NOW)


def test_who_has_left_comes_back_with_its_key_and_nobody_else_under_its_name() -> None:
    roster, token = fleet(uses=9)
    roster = departed(admitted(roster, token, VENUS, NOW), "venus", MemberState.LEFT, NOW)
    assert roster.members() == ["mars"]
    assert certified(roster, "venus").hosts() == []
    with pytest.raises(RefusedError, match="belongs to another host"):
        admitted(roster, token, host("venus"), NOW)
    ring = certified(roster, "venus")
    roster = admitted(roster, token, VENUS, NOW)
    assert ring.learn(roster.certified("venus"))
    assert ring.hosts() == ["venus"]


def test_who_was_revoked_does_not_come_back_under_any_name() -> None:
    roster, token = fleet(uses=9)
    roster = departed(admitted(roster, token, VENUS, NOW), "venus", MemberState.REVOKED, NOW)
    with pytest.raises(RefusedError, match="this token is over"):
        admitted(roster, token, PLUTO, NOW)
    roster, token = with_token(roster, user_key(), NOW + 3600, 9)
    for name in ("venus", "other"):
        with pytest.raises(RefusedError, match="was revoked, as 'venus'"):
            admitted(roster, token, msgspec.structs.replace(VENUS, host=name), NOW)
    assert departed(roster, "venus", MemberState.LEFT, NOW) is roster
    assert roster.hosts["venus"] == Entry(VENUS.key, VENUS.nkey, SERIAL + 1, MemberState.REVOKED)


def test_what_is_decided_by_a_roster_put_back_from_a_copy_counts_for_who_knows_more() -> None:
    copy, token = fleet(uses=9)
    copy = admitted(copy, token, VENUS, NOW)
    roster = departed(copy, "venus", MemberState.LEFT, NOW + 1)
    roster = admitted(roster, token, VENUS, NOW + 2)
    ring = certified(roster, "venus")
    assert ring.learn(departed(copy, "venus", MemberState.REVOKED, NOW + 3).certified("venus"))
    assert ring.hosts() == []


@pytest.mark.parametrize("state", [MemberState.REVOKED, MemberState.LEFT])
def test_a_roster_put_back_from_a_copy_takes_in_what_was_signed_since(state: MemberState) -> None:
    copy, token = fleet(uses=9)
    copy = admitted(copy, token, VENUS, NOW)
    roster = departed(admitted(copy, token, PLUTO, NOW), "venus", state, NOW + 1)
    ring = certified(roster, "venus")
    ring.learn(roster.certified("pluto"))
    found = caught_up(copy, ring.certificates)
    assert found.hosts == roster.hosts
    assert found.tokens == {}
    assert caught_up(found, ring.certificates) is found
    assert caught_up(roster, certified(copy, "venus").certificates) is roster


def test_who_is_revoked_stays_so_whatever_was_signed_before() -> None:
    """Also where the clock has been set back since."""
    copy, token = fleet(uses=9)
    copy = admitted(copy, token, VENUS, NOW)
    back = admitted(departed(copy, "venus", MemberState.LEFT, NOW), token, VENUS, NOW + 99)
    ring = certified(back, "venus")
    revoked = caught_up(departed(copy, "venus", MemberState.REVOKED, NOW), ring.certificates)
    assert ring.learn(revoked.certified("venus"))
    assert ring.hosts() == []


def test_the_hub_and_unknown_hosts_are_not_revoked() -> None:
    roster, _ = fleet()
    with pytest.raises(RefusedError, match="would end with it"):
        departed(roster, "mars", MemberState.REVOKED, NOW)
    with pytest.raises(NotFoundError, match="its hosts are mars"):
        departed(roster, "venus", MemberState.REVOKED, NOW)


def test_tokens_that_are_over_go() -> None:
    roster, token = fleet()
    assert without_old_tokens(roster, NOW) is roster
    assert token not in without_old_tokens(roster, NOW + 3600).tokens


def test_a_join_token_is_read_back_also_with_line_breaks_and_nothing_else_is() -> None:
    token = JoinToken("id", "SUA", bytes(32), b"der", ("tls://mars:4222",), NOW)
    text = written(token)
    assert read(f"  {text[:20]}\n {text[20:]} \n") == token
    for wrong in ("", "x", text[:-4], text[7:], text.replace("roost1", "roost2"), "roost1.é", "roost1.////"):
        with pytest.raises(UsageError, match="no join token"):
            read(wrong)


LINE = "[1] 2026/11/28 09:07:08.842427 [ERR] 127.0.0.1:1 - cid:8 - "


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f'{LINE}authentication error - Nkey "UDT"', TurnedAway("UDT", "the hub knows no such key")),
        (
            f'{LINE}Publish Violation - Nkey "UAF", Subject "roost.to.venus.from.venus"',
            TurnedAway("UAF", "it may not publish to roost.to.venus.from.venus"),
        ),
        (
            f'{LINE}Subscription Violation - Nkey "UAF", Subject "roost.>", SID 1',
            TurnedAway("UAF", "it may not subscribe to roost.>"),
        ),
        ("[1] 2026/11/28 09:07:09.147135 [INF] Reloaded: authorization nkey users", None),
        (f"{LINE}TLS handshake error: EOF", None),
    ],
)
def test_lines_of_the_log_that_tell_of_somebody(line: str, found: TurnedAway | None) -> None:
    """As nats-server 2.10.27 writes them."""
    assert turned_away(line) == found


def test_the_same_is_told_once_an_hour(tmp_path: Path) -> None:
    log = tmp_path / "hub.log"
    watch = Watch(Tail(log))
    line = f'{LINE}authentication error - Nkey "UDT"\n'
    seen: list[int] = []
    for at in (0.0, 2.0, AGAIN - 1, AGAIN):
        with log.open("a") as stream:
            stream.write(line + line)
        seen.append(len(watch.look(at)))
    assert seen == [1, 0, 0, 1]


def test_a_host_is_granted_what_is_its_own() -> None:
    grant = of_host("venus")
    assert "roost.to.*.from.venus" in grant.publish
    assert grant.subscribe == ("_INBOX.host.venus.>",)
    shared = [subject for subject in grant.publish if "venus" not in subject.lower()]
    assert [subject for subject in shared if "KV_ROOST_FLEET" not in subject] == ["$KV.ROOST_FLEET.owner.*"]


def test_paths_with_quotes_and_blanks_stay_in_their_place() -> None:
    files = Files(*(Path(f'/a "b" ç/{name}') for name in ("crt", "key", "log", "store")))
    text = configuration("127.0.0.1:1", files, "USYS", [User("UREG", "the registrar")])
    assert r'log_file: "/a \"b\" ç/log"' in text
    assert "sync_interval: always" in text


@pytest.mark.parametrize("said", ["nats-server: v2.9.10", "nats-server: v1.4.1", "what?"])
def test_a_server_that_will_not_do_is_refused_with_the_next_step(said: str) -> None:
    with pytest.raises(ServerMissing, match="install it"):
        checked("/bin/nats-server", said)


@pytest.mark.parametrize("version", ["2.10.0", "2.11.4", "3.0.0"])
def test_later_servers_will_do(version: str) -> None:
    assert checked("/bin/nats-server", f"nats-server: v{version}\n").version == version


def test_a_hubs_certificate_is_made_anew_before_it_ends() -> None:
    authority = new_authority(NOW)
    server = new_server(authority, NOW)
    days = 86400.0
    assert not is_due(server.certificate, NOW)
    assert not is_due(server.certificate, NOW + 365 * days - RENEW.total_seconds() - 1)
    assert is_due(server.certificate, NOW + 365 * days - RENEW.total_seconds() + 1)
    assert as_pem(as_der(authority.certificate)) == authority.certificate
    with pytest.raises(ForgedError):
        as_pem(b"nonsense")


def test_nkeys() -> None:
    key = user_key()
    assert public_of(key.seed) == key.public
    assert is_public(key.public)
    assert not any(map(is_public, ("", "U", key.seed, key.public.lower(), "é" * 56)))
    with pytest.raises(ValueError, match="no seed"):
        public_of("SUNONSENSE")


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("0.0.0.0:1", "127.0.0.1:1"),
        ("[::]:1", "[::1]:1"),
        ("10.0.0.1:1", "10.0.0.1:1"),
        ("hub.example:1", "hub.example:1"),
    ],
)
def test_the_hub_is_reached_from_its_own_host(listen: str, address: str) -> None:
    assert near(listen) == address


def test_one_host_alone_loads_nothing_of_a_fleet() -> None:
    code = f"import roost.daemon.serving, sys; print(sorted({{*{membership.PACKAGES}}} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_the_packages_the_next_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "PACKAGES", ("msgspec", "no_such_package"))
    with pytest.raises(ConfigError, match=r"\(no_such_package\): `pip install 'roost\[fleet\]'`"):
        check_installed()


@pytest.mark.parametrize("port", ["", "²", "70000", "9" * 5000])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(UsageError, match="ADDRESS:PORT"):
        address.checked(f"127.0.0.1:{port}", "--listen")
