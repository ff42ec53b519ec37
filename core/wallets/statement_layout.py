"""How a provider's statement file is laid out: column names, dates, kinds of lines, controls.

The form is that of ``mappings/wallets/statements/*.yaml``, field by field; a new provider's file is
a new layout. Each layout carries a small file as its case, read with it when it is checked.
"""

import re
from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from core.documents import DocumentError, Misfit, Problem, nodes, read_node
from core.money import CURRENCIES
from core.tariffs.doc_base import Text
from core.yamlvalues import OneOf

#: What a line of the file is: money that came, money that went back, what the provider keeps of a
#: payment of the same receipt, or nothing of ours (a payout, a transfer).
LineKind = Literal["payment", "reversal", "fee", "ignore"]
#: What a control of the whole file counts: lines, or amounts as the file has them.
ControlKind = Literal["count", "total", "total-in", "total-out"]


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """The file's own names of its columns; empty: it has none such.

    ``amount``, or ``paid_in`` and ``withdrawn``; ``reference`` is ours, ``typed`` the payer's;
    ``original``: the receipt that a reversal gives back.
    """

    receipt: Text
    at: Text
    amount: str = ""
    paid_in: str = ""
    withdrawn: str = ""
    status: str = ""
    kind: str = ""
    reference: str = ""
    typed: str = ""
    payer: str = ""
    fee: str = ""
    original: str = ""
    currency: str = ""

    def __post_init__(self) -> None:
        if bool(self.amount) == bool(self.paid_in and self.withdrawn):
            raise Misfit("amount", "either amount, or paid_in and withdrawn")

    @property
    def named(self) -> dict[str, str]:
        """Field -> column, of those that the file has."""
        pairs = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: column for name, column in pairs if column}


class KindRule(msgspec.Struct, frozen=True, kw_only=True):
    """A line whose ``kind`` column has ``pattern`` in it (a regular expression, any case)."""

    pattern: Text
    means: LineKind

    def __post_init__(self) -> None:
        _compiles("pattern", self.pattern)


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """A row that begins with ``label`` says in its next cell what the whole file comes to."""

    label: Text
    means: ControlKind


class StatementLayout(msgspec.Struct, frozen=True, kw_only=True):
    """One provider's file. ``times``: forms of date and time as in Python's ``strptime``;
    ``good``: values of the status column that count, all others are left out; ``payer_part``: a
    regular expression whose first group is the payer's number in its column."""

    mapping: Text
    format: Literal["wallet-statement"]
    version: Annotated[int, msgspec.Meta(ge=1, le=10**6)]
    effective: date
    zone: Text
    columns: Columns
    times: tuple[Text, ...]
    cases: "tuple[LayoutCase, ...]"
    separator: Annotated[str, OneOf((",", ";", "|"))] = ","
    decimal: Annotated[str, OneOf((".", ","))] = "."
    good: tuple[str, ...] = ()
    kinds: tuple[KindRule, ...] = ()
    controls: tuple[Control, ...] = ()
    payer_part: str = ""
    source: Any = None
    note: Any = None

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (OSError, ValueError):
            raise Misfit("zone", f"{self.zone!r} is no time zone") from None
        if not self.times:
            raise Misfit("times", "name a form of its times")
        if bool(self.good) != bool(self.columns.status):
            raise Misfit("good", "a status column and its good values belong together")
        if bool(self.kinds) != bool(self.columns.kind):
            raise Misfit("kinds", "a kind column and its rules belong together")
        _compiles("payer_part", self.payer_part)


class LayoutLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that a case's file comes to, in minor units."""

    receipt: str
    amount: int
    fee: int = 0
    typed: str = ""
    payer: str = ""
    original: str = ""


class LayoutCase(msgspec.Struct, frozen=True, kw_only=True):
    """A small file, and what is read out of it; or what is said of it."""

    currency: Annotated[str, OneOf(sorted(CURRENCIES))]
    day: int
    text: Text
    lines: tuple[LayoutLine, ...] = ()
    wrong: str = ""


def _compiles(field: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise Misfit(field, f"no regular expression: {error}") from None


def load_layout(text: str, name: str) -> StatementLayout:
    """Read a layout; DocumentError lists everything that is wrong with it, its cases too."""
    from core.wallets.statement_file import case_wrong

    read = read_node(nodes(text, name), StatementLayout, name)
    problems: list[Problem] = []
    for place, case in enumerate(read.value.cases):
        what = case_wrong(read.value, case)
        if what:
            problems.append(read.problem(f"cases[{place}]", what))
    if problems:
        raise DocumentError(problems)
    return read.value
