"""The HTTP server over TLS: whom its certificate convinces, and whose clients it serves."""

import asyncio
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.http import HttpService
from hub.httptls import ServerTls, TlsError, server_tls
from tests.hub.test_http import _page, free_port
from tests.loop import fired, run
from tests.servers.pki import HOST, Authority, Pair

#: What a client hears, or why it hears nothing.
Heard = str


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def trusting(authority: Authority, own: Pair | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.file))
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    return context


async def asked(port: int, context: ssl.SSLContext | None) -> Heard:
    """``200``, or the sentence of what went wrong."""
    try:
        reader, writer = await asyncio.open_connection(HOST, port, ssl=context)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
    except (ssl.SSLError, OSError) as error:
        return str(error)
    return answer.decode().partition("\r\n")[0].partition(" ")[2].partition(" ")[0]


def heard(
    tls: ServerTls, *contexts: ssl.SSLContext | None, between: Callable[[], Any] = lambda: None
) -> list[Heard]:
    """What clients hear, one after the other; ``between`` is done after the first."""

    async def play(_reactor: Any) -> list[Heard]:
        service = HttpService(HOST, free_port(), lambda: {"ok": True}, dict, _page, tls=tls)
        service.start()
        while not (service._server and service._server.started):
            await asyncio.sleep(0.01)
        found = []
        for number, context in enumerate(contexts):
            found.append(await asked(service.port, context))
            if not number:
                between()
        await fired(service.stop())
        return found

    said: list[Heard] = run(play)
    return said


def shown(pair: Pair, client_ca: Path | None = None) -> ServerTls:
    return ServerTls(pair.certificate, pair.key, client_ca)


def test_a_right_certificate_is_served_and_plain_http_is_not(ours: Authority) -> None:
    well, plain = heard(shown(ours.pair()), trusting(ours), None)
    assert (well, plain) == ("200", "")


def test_what_is_older_than_tls_1_2_is_not_spoken(ours: Authority) -> None:
    assert shown(ours.pair()).context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("wrong", "says"),
    [("authority", "unable to get local issuer"), ("name", "IP address mismatch"),
     ("expired", "certificate has expired")],
)  # fmt: skip
def test_a_client_does_not_speak_to_a_wrong_certificate(
    tmp_path: Path, ours: Authority, wrong: str, says: str
) -> None:
    pairs = {
        "authority": Authority(tmp_path, "other").pair,
        "name": lambda: ours.pair("elsewhere.example"),
        "expired": lambda: ours.pair(days=-1),
    }
    (said,) = heard(shown(pairs[wrong]()), trusting(ours))
    assert says in said


def test_where_clients_have_certificates_only_they_are_served(
    tmp_path: Path, ours: Authority
) -> None:
    other = Authority(tmp_path, "other")
    partners = Authority(tmp_path, "partners")
    tls = shown(ours.pair(), partners.file)
    clients = (
        partners.pair("gateway"),
        None,
        other.pair("gateway"),
        partners.pair("gateway", days=-1),
    )
    right, *wrong = heard(tls, *(trusting(ours, own) for own in clients))
    assert right == "200"
    assert len(wrong) == 3
    assert "200" not in wrong


def test_a_renewed_certificate_is_shown_without_a_restart(tmp_path: Path, ours: Authority) -> None:
    new = Authority(tmp_path, "new")
    pair, renewed = ours.pair(), new.pair()
    tls = shown(pair)

    def renew() -> None:
        assert not tls.renew()  # nothing has changed
        os.replace(renewed.certificate, pair.certificate)
        assert not tls.renew()  # half of a pair is none
        os.replace(renewed.key, pair.key)
        assert tls.renew()

    assert heard(tls, trusting(ours), trusting(new), between=renew) == ["200", "200"]


def test_while_the_files_are_away_the_old_one_is_shown(ours: Authority) -> None:
    pair = ours.pair()
    tls = shown(pair)

    def lost() -> None:
        pair.certificate.unlink()
        assert not tls.renew()

    assert heard(tls, trusting(ours), trusting(ours), between=lost) == ["200", "200"]


WRONG: dict[str, tuple[Callable[[Pair], Any], str]] = {
    "no certificate": (lambda pair: pair.certificate.unlink(), "No such file"),
    "no key": (lambda pair: pair.key.unlink(), "there is no such file"),
    "others can read the key": (lambda pair: pair.key.chmod(0o640), "others can read this key"),
    "no PEM": (lambda pair: pair.certificate.write_text("x"), "no certificate with its key"),
}


@pytest.mark.parametrize("label", WRONG)
def test_a_pair_that_is_none_is_said_at_the_start(ours: Authority, label: str) -> None:
    spoil, says = WRONG[label]
    pair = ours.pair()
    spoil(pair)
    with pytest.raises(TlsError, match=says):
        shown(pair)


def test_another_ones_key_and_authorities_that_are_none(tmp_path: Path, ours: Authority) -> None:
    one, two = ours.pair(), ours.pair("elsewhere.example")
    with pytest.raises(TlsError, match=r"(?i)mismatch"):
        ServerTls(one.certificate, two.key)
    with pytest.raises(TlsError, match="no certificates in PEM"):
        shown(one, tmp_path / "none.pem")


def test_half_of_a_configuration_is_said(tmp_path: Path, ours: Authority) -> None:
    assert server_tls(tmp_path, "", "", "") is None
    for words in (("", "key.pem", ""), ("", "", "ca.pem"), ("cert.pem", "", "")):
        with pytest.raises(TlsError, match="need"):
            server_tls(tmp_path, *words)
    pair = ours.pair()
    assert server_tls(tmp_path, str(pair.certificate), str(pair.key), "") is not None
