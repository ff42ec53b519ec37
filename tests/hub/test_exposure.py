"""What ``wattbus check`` says of readable secrets and of what goes in the clear."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from hub.config import Config, parse
from hub.exposure import certificate, in_the_clear, is_local, readable_secrets, secret_files
from hub.verbs.check import _exposed
from tests.servers.pki import Authority

COMPANY = """
[companies.demo]
name = "Demo"
zone = "Africa/Kampala"
currency = "UGX"
tariffs = []
keys = "keys.json"
master_key_file = "master.key"
pin_key_file = "pin.key"
"""
LIVE = COMPANY + "test = false\n"
#: A section of each kind that names a secret.
ALL = f"""{COMPANY}test = true
[http]
tls_cert = "c.pem"
tls_key = "http.key"
[database]
url = "postgresql:///wb"
[bus]
kind = "rabbitmq"
url = "amqps://u@mq.example/v"
password_file = "mq.password"
certificate = "mq.pem"
key = "mq.key"
[operators.ann]
roles = ["cashier"]
secret_file = "ann.secret"
[modules.hsm]
kind = "pkcs11"
library = "l.so"
token = "t"
pin_file = "hsm.pin"
[links.smsc]
kind = "smpp"
endpoint = "tls:smsc.example:2775:certificate=own.pem:privateKey=own.key"
password_file = "smsc.password"
[channels.till]
kind = "pos"
company = "demo"
endpoint = "ssl:6789:privateKey=pos.key:certKey=pos.pem"
master_key_file = "pos.master"
[channels.momo]
kind = "mobilemoney"
company = "demo"
path_secret = "path.secret"
secrets = {{ password = "momo.password", other = "env:MOMO" }}
"""


def config(text: str, base: Path = Path()) -> Config:
    return parse(text, "wattbus.toml", base)


def test_every_file_of_a_secret_is_known() -> None:
    assert {name for _, name in secret_files(config(ALL))} == {
        *("master.key", "pin.key", "http.key", "ann.secret", "hsm.pin", "own.key"),
        *("smsc.password", "pos.key", "pos.master", "path.secret", "momo.password"),
        *("mq.password", "mq.key"),
    }


def test_what_others_can_read_is_told_with_its_section(tmp_path: Path) -> None:
    settings = config(ALL, tmp_path)
    files = {name: where for where, name in secret_files(settings)}
    for name in files:
        (tmp_path / name).touch(mode=0o600)
    assert readable_secrets(settings) == []
    for name, where in files.items():
        (tmp_path / name).chmod(0o644)
        (told,) = readable_secrets(settings)
        assert told.startswith(f"{where}: ")
        assert "others can read this key (mode 0644)" in told
        (tmp_path / name).chmod(0o600)


@pytest.mark.parametrize("live", [True, False])
def test_a_live_company_refuses_what_a_test_one_is_warned_of(tmp_path: Path, live: bool) -> None:
    text = LIVE if live else COMPANY + "test = true\n"
    (tmp_path / "master.key").touch(mode=0o644)
    (tmp_path / "master.key").chmod(0o644)
    problems, warnings = _exposed(config(text, tmp_path))
    assert (bool(problems), bool(warnings)) == (live, not live)


def pos(endpoint: str) -> str:
    return f'[channels.t]\nkind = "pos"\ncompany = "demo"\nendpoint = "{endpoint}"\n'


def link(endpoint: str) -> str:
    return f'[links.l]\nkind = "smpp"\nendpoint = "{endpoint}"\n'


def http(**words: Any) -> str:
    return "[http]\n" + "".join(f"{name} = {value!r}\n" for name, value in words.items())


def database(url: str) -> str:
    return f'[database]\nurl = "postgresql://{url}"\n'


def bus(url: str, kind: str = "rabbitmq") -> str:
    return database("/wb") + f'[bus]\nkind = "{kind}"\nurl = "{url}"\n'


CLEAR: dict[str, tuple[str, str]] = {
    "http on loopback": (http(host="127.0.0.1"), ""),
    "http for all": (http(host="0.0.0.0"), "[http] host = '0.0.0.0' listens beyond"),
    "http for all over TLS": (http(host="0.0.0.0", tls_cert="c", tls_key="k"), ""),
    "no http": (http(host="0.0.0.0", port=0), ""),
    "terminals on loopback": (pos("tcp:6789:interface=127.0.0.1"), ""),
    "terminals on all": (pos("tcp:6789"), "[channels.t] endpoint = 'tcp:6789' listens beyond"),
    "terminals over TLS": (pos("ssl:6789:privateKey=k"), ""),
    "a link on this machine": (link("tcp:localhost:2775"), ""),
    "a link in the clear": (link("tcp:smsc.example:2775"), "[links.l] endpoint: to smsc.example"),
    "a link by words": (link("tcp:host=10.0.0.1:port=1"), "[links.l] endpoint: to 10.0.0.1"),
    "a link over TLS": (link("tls:smsc.example:2775"), ""),
    "a database by socket": (database("/wb"), ""),
    "a database here": (database("wb@127.0.0.1/wb"), ""),
    "a database elsewhere": (database("wb@db.example/wb"), "db.example with sslmode=prefer"),
    "a database that is encrypted only": (database("db.example/wb?sslmode=require"), "=require"),
    "a database that is proved": (database("db.example/wb?sslmode=verify-full"), ""),
    "one of several": (database("127.0.0.1,db.example/wb"), "db.example with"),
    "a database by words": (database("/wb?host=db.example"), "db.example with"),
    "a database by its new address": (database("wb@[::1]:5432/wb"), ""),
    "a database with a port": (database("wb@10.0.0.1:5432/wb"), "10.0.0.1 with"),
    "a password by words": (database("/wb?password=secret"), "PGPASSFILE"),
    "a password in the URL": (database("wb:secret@127.0.0.1/wb"), "PGPASSFILE"),
    "a broker elsewhere": (bus("amqp://u@mq.example/v"), "[bus] url: to mq.example"),
    "a broker over TLS": (bus("amqps://u@mq.example/v"), ""),
    "a broker's password in its URL": (bus("amqp://u:secret@localhost/v"), "password_file"),
    "another broker elsewhere": (bus("redis://r.example/0", "kombu"), "[bus] url: to r.example"),
    "another broker over TLS": (bus("rediss://r.example/0", "kombu"), ""),
}


@pytest.mark.parametrize("label", CLEAR)
def test_what_goes_in_the_clear_is_warned_of(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    text, says = CLEAR[label]
    told = in_the_clear(config(COMPANY + "test = true\n" + text))
    assert len(told) == bool(says)
    assert all(says in sentence and "secret" not in sentence for sentence in told)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("::1", True), ("[::1]", True), ("localhost", True), ("", False),
     ("0.0.0.0", False), ("10.1.1.1", False), ("example", False)],
)  # fmt: skip
def test_what_this_machine_is(host: str, local: bool) -> None:
    assert is_local(host) is local


def test_a_certificate_that_ends_is_told_of_in_time(tmp_path: Path) -> None:
    pair = Authority(tmp_path).pair(days=30)
    words = http(tls_cert=str(pair.certificate), tls_key=str(pair.key))
    settings = config(COMPANY + "test = true\n" + words)
    now = datetime.datetime.now(datetime.UTC)
    assert certificate(settings, now) == ([], [])
    problems, warnings = certificate(settings, now + datetime.timedelta(days=10))
    assert (problems, len(warnings)) == ([], 1)
    problems, warnings = certificate(settings, now + datetime.timedelta(days=31))
    assert (len(problems), warnings) == (1, [])
    assert "tls_cert" in problems[0]
    pair.key.unlink()
    (told,), _ = certificate(settings, now)
    assert told.startswith("[http] ")
