"""The configuration of a nats-server that is the hub of a fleet, as text (nats-server 2.10).

Users are known by nkeys, so there is no secret in it. What JetStream has acknowledged is on the disk.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from roost.host.nats.subjects import Permissions

LOG_SIZE = 10 * 1024 * 1024
"""Bytes of a log file, of which the server keeps three."""


class Files(NamedTuple):
    """Where the hub has its files."""

    certificate: Path
    key: Path
    log: Path
    store: Path


class User(NamedTuple):
    """A user of the fleet's account; without permissions it may do all there. `about` is for people."""

    nkey: str
    about: str
    permissions: Permissions | None = None


def configuration(listen: str, files: Files, system: str, users: Iterable[User]) -> str:
    """The text. `listen`: ADDRESS:PORT; `system`: the nkey of who may have the server read it anew."""
    return "\n".join(
        [
            "# Made by roost, which writes it anew: what is changed here is lost.",
            f"listen: {_quoted(listen)}",
            "max_payload: 8MB",
            f"log_file: {_quoted(files.log)}",
            f"logfile_size_limit: {LOG_SIZE}",
            "logfile_max_num: 3",
            f"tls {{ cert_file: {_quoted(files.certificate)}, key_file: {_quoted(files.key)}, timeout: 5 }}",
            f"jetstream {{ store_dir: {_quoted(files.store)}, sync_interval: always, domain: roost }}",
            "system_account: SYS",
            "accounts {",
            f"  SYS {{ users: [ {{ nkey: {system} }} ] }}",
            "  ROOST {",
            "    jetstream: enabled",
            "    users: [",
            *(f"      {_user(user)} # {user.about}" for user in users),
            "    ]",
            "  }",
            "}",
            "",
        ]
    )


def _user(user: User) -> str:
    if user.permissions is None:
        return f"{{ nkey: {user.nkey} }}"
    publish, subscribe = (
        f"{{ allow: [{', '.join(map(_quoted, subjects))}] }}" for subjects in user.permissions
    )
    return f"{{ nkey: {user.nkey}, permissions: {{ publish: {publish}, subscribe: {subscribe} }} }}"


def _quoted(text: object) -> str:
    return json.dumps(str(text), ensure_ascii=False)


def near(listen: str) -> str:
    """The address at which the hub is reached from its own host."""
    address, _, port = listen.rpartition(":")
    return f"{_NEAR.get(address, address)}:{port}"


_NEAR = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 -- compared, not bound
