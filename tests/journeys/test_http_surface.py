"""The HTTP surface of a running hub under requests that nobody thought of (schemathesis): what it
describes is what it does, no request makes a fault, and nothing that was accepted is lost."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from adapters.mobilemoney.sending import Kind
from channels.mobilemoney.addresses import Addresses
from hub import balance
from hub.http import MAX_BODY
from simulators.demo.children import until
from simulators.demo.house import House
from simulators.demo.provider import FILES, with_purse
from tests.journeys.town import SOON_S

pytestmark = pytest.mark.slow

#: The same requests every time, and few enough for seconds.
BOUNDED = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A hub whose network is not there. At its end nothing is unaccounted for."""
    folder = Path(tempfile.mkdtemp(prefix="wb-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        house = House(folder)
        house.edit = lambda text: with_purse(text, house.http_port, house.purse_port)
        stack.callback(house.close)
        house.build()
        for name, content in FILES.items():
            (folder / name).write_text(content)
        house.start_hub(bound=False)
        until(lambda: _answers(house), SOON_S, "the HTTP server answers")
        yield house
        assert house.hub is not None
        assert house.hub.alive(), "no request ends the hub"
        until(lambda: not _open(house), SOON_S, "what was accepted has ended")
        with house.reading() as reader:
            assert balance.unaccounted(reader) == 0
        assert b"http.fault" not in house.hub.log.read_bytes()
        assert house.hub.stop() == 0


def _answers(house: House) -> bool:
    try:
        return requests.get(url(house, "/healthz"), timeout=SOON_S).ok
    except requests.ConnectionError:
        return False


def _open(house: House) -> list[Any]:
    return house.rows("SELECT 1 FROM delivery WHERE state = 0 AND target NOT LIKE 'channel:%'")


def url(house: House, path: str) -> str:
    return f"http://127.0.0.1:{house.http_port}{path}"


@pytest.fixture(scope="module")
def described(house: House) -> Any:
    return schemathesis.openapi.from_url(url(house, "/schema/openapi.json"))


def well_answered(response: Any) -> None:
    """No fault of ours: 503 alone, with the time to come again."""
    assert response.status_code < 500 or response.status_code == 503
    if response.status_code == 503:
        headers = {name.lower(): value for name, value in dict(response.headers).items()}
        assert "retry-after" in headers


def test_what_is_described_is_what_is_done(described: Any) -> None:
    operations = [found.ok() for found in described.get_all_operations()]
    assert {each.label for each in operations} >= {"POST /ussd", "GET /ussd", "GET /readyz"}
    for operation in operations:

        @given(case=operation.as_strategy())
        @BOUNDED
        def tried(case: Any) -> None:
            response = case.call(timeout=SOON_S)
            well_answered(response)
            case.validate_response(response, checks=CHECKS)

        tried()


def test_every_open_path_is_described(house: House) -> None:
    paths = requests.get(url(house, "/schema/openapi.json"), timeout=SOON_S).json()["paths"]
    assert set(paths) >= {"/ussd", "/healthz", "/readyz", "/metrics"}
    assert not any("purse" in path for path in paths), (
        "addresses of callbacks are nobody's business"
    )
    for page in ("/schema", "/schema/swagger", "/schema/redoc", "/schema/elements"):
        assert requests.get(url(house, page), timeout=SOON_S).status_code in (200, 404)
        assert "<script" not in requests.get(url(house, page), timeout=SOON_S).text


FORM = "application/x-www-form-urlencoded"
ODD = {
    "too large": (413, b"x" * (MAX_BODY + 1), FORM),
    "of another kind": (415, b"<a/>", "text/xml"),
    "no form": (400, b"\xff\xfe", FORM),
    "nothing": (400, b"", FORM),
    "nested": (415, b"[" * 1_000, "application/json"),
}


@pytest.mark.parametrize("label", ODD)
def test_what_is_no_request_of_ussd(house: House, label: str) -> None:
    status, body, kind = ODD[label]
    said = requests.post(
        url(house, "/ussd"), data=body, headers={"Content-Type": kind}, timeout=SOON_S
    )
    assert (said.status_code, said.headers["content-type"].partition(";")[0]) == (
        status,
        "text/plain",
    )


BODIES = (
    *(b"", b"{}", b"[]", b"null", b"{", b"[" * 30_000, b'{"amount": 1e999999}', b"\xff\x00"),
    *(b'{"status": "SUCCESSFUL"}', b'{"amount": NaN, "externalId": {}}', b"x" * (MAX_BODY + 1)),
)


@pytest.mark.parametrize("kind", list(Kind))
def test_callbacks_are_never_a_fault(house: House, kind: Kind) -> None:
    """At the right address, which only the provider has, and at wrong ones."""
    secret = FILES["purse.secret"].strip()
    right = Addresses(url(house, ""), "/purse", secret).of(kind, "ref-1")
    statuses = set()
    for body in BODIES:
        for method in ("POST", "PUT", "GET"):
            said = requests.request(method, right, data=body, timeout=SOON_S)
            well_answered(said)
            statuses.add(said.status_code)
    assert 400 in statuses
    for wrong in (right[:-1], right + "/x", right.replace("ref-1", "ref-2")):
        assert requests.post(wrong, data=b"{}", timeout=SOON_S).status_code == 404
