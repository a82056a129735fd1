"""The files of the hub: the roster, and what follows from it: the server's configuration and certificate."""

from pathlib import Path

import msgspec

from roost.daemon.registrar.roster import Roster
from roost.errors import ConfigError
from roost.host.files import ensure_private_directory, write_atomic
from roost.host.nats.configuration import Files, User, configuration
from roost.host.nats.keys import public_of
from roost.host.nats.subjects import of_host, of_token
from roost.local.paths import Places


class HubFiles:
    """Reads and writes them. Everything blocks; the daemon of the hub's host alone writes once it runs."""

    def __init__(self, places: Places) -> None:
        """Of this roost."""
        self._folder = places.hub
        self.roster = places.roster
        self.configuration = places.hub / "nats.conf"
        self.log = places.logs / "hub.log"
        self._files = Files(
            places.hub / "hub.crt", places.hub / "hub.key", self.log, places.hub / "jetstream"
        )

    def load(self) -> Roster:
        """What was written. Raises ConfigError."""
        try:
            return msgspec.json.decode(self.roster.read_bytes(), type=Roster)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"{self.roster} cannot be used: {error}; put back a copy of it") from error

    def save(self, roster: Roster) -> None:
        """Write the roster: from then on it counts. Raises OSError."""
        for folder in (self._folder.parent, self._folder, self.log.parent):
            ensure_private_directory(folder)
        write_atomic(self.roster, msgspec.json.encode(roster))

    def derive(self, roster: Roster) -> bool:
        """Write what follows from the roster; whether anything of it is new. Raises OSError."""
        texts = {
            self._files.key: roster.certificate_key,
            self._files.certificate: roster.certificate,
            self.configuration: self._configuration(roster),
        }
        new = {path: text for path, text in texts.items() if not _holds(path, text)}
        for path, text in new.items():
            write_atomic(path, text.encode())
        return bool(new)

    def _configuration(self, roster: Roster) -> str:
        users = [User(public_of(roster.registrar), "the registrar")]
        users += [User(roster.hosts[host].nkey, host, of_host(host)) for host in roster.members()]
        users += [
            User(token.nkey, f"token {ident}", of_token(ident)) for ident, token in roster.tokens.items()
        ]
        return configuration(roster.listen, self._files, public_of(roster.system), users)


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False
