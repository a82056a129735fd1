"""`[traces]` of the config file: which addresses are one, and what is said of the others."""

from pathlib import Path

import pytest

from roost.errors import ConfigError
from roost.local.config import Config, load_config

WHO = "me:secret"


def loaded(folder: Path, text: str) -> Config:
    path = folder / "config.toml"
    path.write_text(text)
    return load_config(path)


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("https://collector.example/", "https://collector.example/v1/traces"),
        ("https://backend.example/otlp/v1/traces", "https://backend.example/otlp/v1/traces"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
    ],
)
def test_an_address_without_a_path_gets_the_usual_one(tmp_path: Path, endpoint: str, address: str) -> None:
    table = loaded(tmp_path, f'[traces]\nendpoint = "{endpoint}"\n').traces
    assert table is not None
    assert (table.endpoint, table.headers, table.certificate) == (address, {}, None)


def test_headers_and_certificate_are_taken_as_they_stand(tmp_path: Path) -> None:
    text = '[traces]\nendpoint = "http://c"\ncertificate = "/ca.pem"\n[traces.headers]\nX-Key = "k v"\n'
    table = loaded(tmp_path, text).traces
    assert table is not None
    assert (table.headers, table.certificate) == ({"X-Key": "k v"}, "/ca.pem")


def test_without_the_table_there_are_none(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").traces is None


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("certificate = '/ca.pem'", "needs an endpoint"),
        ("endpoint = 4318", "needs an endpoint"),
        ("endpoint = '127.0.0.1:4318'", "is no address"),
        ("endpoint = 'grpc://127.0.0.1:4317'", "is no address"),
        ("endpoint = 'http://c:99999'", "is no address"),
        ("endpoint = 'http://c/?key=1'", "is no address"),
        (f"endpoint = 'http://{WHO}@c'", r"\[traces.headers\]"),
        ("endpoint = 'http://c'\nprotocol = 'grpc'", "unknown key 'protocol'"),
        ("endpoint = 'http://c'\nheaders = 'a=b'", "'headers'"),
        ('endpoint = "http://c"\nheaders = { a = "b\\nc" }', "'headers'"),
        ("endpoint = 'http://c'\ncertificate = true", "'certificate'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, lines: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        loaded(tmp_path, f"[traces]\n{lines}\n")
    assert "secret" not in raised.value.message
