"""SoftHSM2 with a token directory of its own: a PKCS#11 library that is software throughout.

The library reads its place from the environment once per process: one directory serves all tests
of a session, and each test takes a fresh token or names its own keys.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hub.modules.pkcs11 import Place

PIN = "2468-wattbus"
#: Two tokens have one label on purpose.
LABELS = ("wattbus", "twin", "twin", "other")
LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
)
CONFIGURATION = """\
directories.tokendir = {folder}
objectstore.backend = file
log.level = ERROR
"""


class SoftHsmMissingError(Exception):
    """SoftHSM2 is not here: what is promised of PKCS#11 tokens was NOT checked."""


@dataclass(frozen=True, slots=True)
class SoftHsm:
    """The library's file; its tokens are in the environment's SOFTHSM2_CONF."""

    library: str

    def place(self, pin: str = PIN, label: str = "wattbus", slot: int | None = None) -> Place:
        """One of its tokens, as the configuration would name it."""
        return Place("box", self.library, label, slot, lambda: pin, timeout_s=30.0)


def start(folder: Path) -> SoftHsm:
    """Tokens in ``folder``, and this process's environment pointed at them.

    What this process's library has loaded already it keeps; child processes see the new ones.
    """
    library = next((path for path in LIBRARIES if Path(path).exists()), None)
    if library is None:
        raise SoftHsmMissingError("no libsofthsm2.so: run tests/install-peers softhsm2")
    (folder / "tokens").mkdir(parents=True)
    settings = folder / "softhsm2.conf"
    settings.write_text(CONFIGURATION.format(folder=folder / "tokens"))
    os.environ["SOFTHSM2_CONF"] = str(settings)
    for label in LABELS:
        words = ["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN]
        subprocess.run(["softhsm2-util", *words], check=True, capture_output=True, timeout=60)
    return SoftHsm(library)
