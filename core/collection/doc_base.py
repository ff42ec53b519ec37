"""Words that several parts of a collection file share."""

from typing import Annotated, Literal

import msgspec

from core.documents import Misfit
from core.tariffs.doc_base import PERCENT
from core.yamlvalues import MINOR, Scaled

Money = Annotated[int, Scaled(MINOR, low=0)]
Percent = Annotated[int, Scaled(PERCENT, low=0, high=100)]
Days = Annotated[int, msgspec.Meta(ge=0, le=3_660)]
#: A code is part of a ledger's name.
Code = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z][a-z0-9-]{0,31}\Z", description="small letters, digits and -, at most 32"
    ),
]
Priority = Annotated[int, msgspec.Meta(ge=0, le=1_000)]
Method = Literal["percent_of_tender", "percent_of_outstanding", "fixed", "all"]


def check_method(method: Method, percent: int | None, amount: int | None) -> None:
    """A method with the number that it needs, and no other. Raises Misfit."""
    share = method.startswith("percent")
    if share != (percent is not None) or (method == "fixed") != (amount is not None):
        raise Misfit("method", "a share needs percent, fixed needs amount, all needs neither")
