"""The tests' own SoftHSM2, one per session."""

import os
from collections.abc import Iterator

import pkcs11
import pytest

from tests.servers import softhsm as servers


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.SoftHsm]:
    """Tokens of the tests; where SoftHSM2 is missing the tests that need it fail, never skip."""
    before = os.environ.get("SOFTHSM2_CONF")
    server = servers.start(tmp_path_factory.mktemp("softhsm"))
    yield server
    pkcs11.unload(server.library)
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before
