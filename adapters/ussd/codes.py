"""What a customer dials: ``*384*1*2#`` is the service code ``*384#`` and the answers 1 and 2."""

import re
from collections.abc import Iterable
from typing import Final

#: MMI strings of TS 22.090 fit one USSD string; a service code with answers is far shorter.
MAX_DIALLED: Final = 182
_CODE: Final = re.compile(r"[*#]{1,2}[0-9]+(\*[0-9]+)*#")


def is_service_code(text: str) -> bool:
    """True for ``*123#``, ``*384*1#``, ``#100#``: the form of a service code alone."""
    return len(text) <= MAX_DIALLED and _CODE.fullmatch(text) is not None


def split_dialled(text: str, codes: Iterable[str]) -> tuple[str, tuple[str, ...]] | None:
    """The service code of ``codes`` that ``text`` begins with, and the answers dialled behind it.

    The longest code wins (``*384*1#`` before ``*384#``). None when no code fits: the call is for
    somebody else. Gateways differ in whether they keep the leading ``*`` and the closing ``#``;
    both are taken as given.
    """
    if len(text) > MAX_DIALLED:
        return None
    dialled = _bare(text)
    for code in sorted(codes, key=len, reverse=True):
        bare = _bare(code)
        if dialled == bare:
            return code, ()
        if dialled.startswith(bare + "*"):
            return code, tuple(dialled[len(bare) + 1 :].split("*"))
    return None


def _bare(text: str) -> str:
    return text.strip().removesuffix("#").lstrip("*#")
