"""Which ports are tried, and who is said to hold one."""

import itertools
from pathlib import Path

from roost.host.ports import candidates, holder

_HEADING = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
)


def _proc(folder: Path, port_range: str, *rows: str) -> Path:
    (folder / "sys/net/ipv4").mkdir(parents=True)
    (folder / "sys/net/ipv4/ip_local_port_range").write_text(port_range)
    (folder / "net").mkdir()
    (folder / "net/tcp").write_text(_HEADING + "".join(f"{row}\n" for row in rows))
    return folder


def test_F10_ports_of_outgoing_connections_are_tried_last(tmp_path: Path) -> None:
    tried = list(candidates(_proc(tmp_path, "32768\t60999\n")))
    assert tried[-1] == 0
    assert len(set(tried)) > 10
    assert all(10_000 <= port < 32768 or 60999 < port < 65536 for port in tried[:-1])


def test_F10_where_all_ports_are_theirs_any_free_one_will_do(tmp_path: Path) -> None:
    assert list(candidates(_proc(tmp_path, "1024 65535"))) == [0]
    assert next(itertools.islice(candidates(tmp_path / "none"), 1)) != 0


def test_F10_a_holder_that_may_not_be_looked_at_is_told_by_its_user(tmp_path: Path) -> None:
    connection = "0: 0100007F:2711 0100007F:0050 01 00000000:00000000 00:00000000 00000000  4242 0 77 1"
    listener = "1: 00000000:2711 00000000:0000 0A 00000000:00000000 00:00000000 00000000  4343 0 78 1"
    proc = _proc(tmp_path, "32768 60999", connection, listener)
    assert holder(0x2711, proc) == "a program of user 4343"
    assert holder(1, proc) == "a program that is not seen here"
