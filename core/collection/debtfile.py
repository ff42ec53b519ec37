"""A file of old debts: ``account,year,amount[,class]`` a line, checked as a whole.

Everything that is wrong is told at once, each with its line; nothing is taken from a file with a
problem. Amounts are the currency's major unit, with a point, without groups; below 0 is what the
account had to its credit, which two people take over (``core.collection.opening``).
"""

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass

from core.collection.allocation import CLASSES
from core.collection.charges import FIRST_YEAR, old_identity
from core.messages.collection import OldDebt
from core.money import currency

#: A file larger than this is cut by hand: it is read as a whole.
MAX_LINES = 1_000_000
#: Problems told at once.
MAX_PROBLEMS = 50
HEADER = ("account", "year", "amount")
_AMOUNT = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,3}))?")


@dataclass(frozen=True, slots=True)
class Line:
    """A debt, or a credit (below 0), and the line that it stands on."""

    number: int
    debt: OldDebt

    @property
    def identity(self) -> str:
        """What an account has once: a debt of a year and class, a credit of a year."""
        if self.debt.amount < 0:
            return f"credit/{self.debt.account}/{self.debt.year}"
        return old_identity(self.debt)


class DebtFileError(ValueError):
    """The file is not acceptable; ``problems`` says all that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        shown = problems[:MAX_PROBLEMS]
        if len(problems) > MAX_PROBLEMS:
            shown.append(f"… and {len(problems) - MAX_PROBLEMS} more")
        super().__init__("\n".join(shown))


def read_debts(text: str, name: str, code: str, this_year: int) -> list[Line]:
    """The debts of a file. Raises DebtFileError with everything that its text alone shows."""
    rows = list(csv.reader(text.lstrip("\ufeff").splitlines()))
    problems: list[str] = []
    header = tuple(word.strip().lower() for word in rows[0]) if rows else ()
    if header not in (HEADER, (*HEADER, "class")):
        raise DebtFileError([f"{name}:1: the first line must be account,year,amount[,class]"])
    if len(rows) > MAX_LINES:
        raise DebtFileError([f"{name}: more than {MAX_LINES} lines: cut it"])
    found: list[Line] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        debt = _debt(row, len(header), code, this_year)
        if isinstance(debt, str):
            problems.append(f"{name}:{number}: {debt}")
            continue
        line = Line(number, debt)
        if line.identity in seen:
            first = seen[line.identity]
            problems.append(f"{name}:{number}: the same debt stands on line {first}")
        seen.setdefault(line.identity, number)
        found.append(line)
    if problems:
        raise DebtFileError(problems)
    return found


def _debt(row: list[str], width: int, code: str, this_year: int) -> OldDebt | str:
    """The debt of a line, or what is wrong with it."""
    cells = [cell.strip() for cell in row]
    if len(cells) != width:
        return f"{len(cells)} columns, {width} are wanted"
    account, year, amount = cells[:3]
    item_class = cells[3] if width > len(HEADER) else "energy"
    if not account:
        return "the account is missing"
    if not (year.isascii() and year.isdigit() and FIRST_YEAR <= int(year) <= this_year):
        return f"{year!r} is no year from {FIRST_YEAR} to {this_year}"
    if item_class not in CLASSES:
        return f"class {item_class!r} (allowed: {', '.join(CLASSES)})"
    minor = _minor(amount, code)
    if isinstance(minor, str):
        return minor
    return OldDebt(account=account, year=int(year), amount=minor, item_class=item_class)


def _minor(text: str, code: str) -> int | str:
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return f"{text!r} is no amount: write it like 1234 or 1234.50"
    sign, whole, fraction = found[1], found[2], found[3] or ""
    exponent = currency(code).exponent
    if len(fraction) > exponent:
        return f"{text!r} is finer than {code} is"
    minor = int(whole + fraction.ljust(exponent, "0"))
    if not minor:
        return "an amount of nothing"
    return -minor if sign else minor


def against_books(
    lines: list[Line], name: str, states: dict[str, str], known: Collection[str]
) -> list[str]:
    """What only the books show: accounts that are not there or closed, debts on file already."""
    problems = []
    for line in lines:
        state = states.get(line.debt.account)
        if state is None:
            problems.append(f"{name}:{line.number}: no account {line.debt.account}")
        elif state != "active":
            problems.append(f"{name}:{line.number}: account {line.debt.account} is {state}")
        elif line.identity in known:
            problems.append(
                f"{name}:{line.number}: account {line.debt.account} has a debt of "
                f"{line.debt.year} on file already"
            )
    return problems
