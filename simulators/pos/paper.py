"""What comes out of the printer, and what stands on the display."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from simulators.pos.items import Fate, Item, Totals
from simulators.pos.states import State
from simulators.pos.terminal import Terminal
from simulators.pos.terms import Ended

#: Characters on a roll of 58 mm.
WIDTH: Final = 32
_TITLES: Final = {"sale": "CREDIT", "payment": "PAYMENT"}
#: Names of an answer that a receipt shows, and what it calls them.
_ROWS: Final = (
    ("receipt", "Receipt"), ("payment", "Payment"), ("meter", "Meter"), ("account", "Account"),
    ("holder", "Name"), ("units", "Units"), ("tax", "Tax"), ("debts", "Debts"),
    ("carried", "Carried on"), ("due", "Due"), ("credit", "Credit"),
)  # fmt: skip


def money(minor: int, exponent: int) -> str:
    """An amount as people read it."""
    whole, rest = divmod(abs(minor), int(10**exponent))
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole:,}" + (f".{rest:0{exponent}d}" if exponent else "")


def grouped(digits: str) -> str:
    """A token in groups of four."""
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def receipt(terminal: Terminal, item: Item, *, copy: bool = False) -> str:
    """The receipt of an item, in the layout of the host if it gave one."""
    setup = terminal.setup
    rows = [_row("Amount", money(item.amount, setup.exponent))]
    rows += list(_asked(item))
    given = str(item.answer.get("print", ""))
    body = given.splitlines() if given else list(_answered(item.answer, setup.exponent))
    head = [_TITLES[item.kind].center(WIDTH).rstrip(), *(["COPY".center(WIDTH)] if copy else [])]
    head.append(f"{setup.number} {item.moment.local:%Y-%m-%d %H:%M} {item.stan:06d}")
    return _slip([*head, *rows, *body, *_token(item.answer, given)])


def _asked(item: Item) -> Iterator[str]:
    for name in ("meter", "account"):
        if item.values.get(name):
            yield _row(name.title(), str(item.values[name]))


def _answered(values: Mapping[str, Any], exponent: int) -> Iterator[str]:
    """What is money came as a number, everything else as a text."""
    for name, title in _ROWS:
        value = values.get(name)
        if value not in (None, ""):
            yield _row(title, money(value, exponent) if isinstance(value, int) else str(value))


def _token(values: Mapping[str, Any], given: str) -> Iterator[str]:
    """The token, with those of a new key before it, if the host's lines do not have it."""
    token = str(values.get("token", ""))
    for line in str(values.get("kct", "")).splitlines():
        if line not in given:
            yield line.center(WIDTH).rstrip()
    if token and grouped(token) not in given and token not in given:
        yield grouped(token).center(WIDTH).rstrip()


def _row(title: str, value: str) -> str:
    return f"{title:<12}{value:>{WIDTH - 12}}"


def _slip(lines: list[str]) -> str:
    edge = "-" * WIDTH
    return "\n".join([edge, *lines, edge])


def shown(terminal: Terminal, event: Ended) -> str:
    """What the display says of an event; a receipt where there is something to print."""
    if event.outcome == "silence":
        return f"{event.operation}: no answer"
    text = str(event.values.get("text") or event.values.get("print") or "")
    said = f"{event.operation}: {event.outcome or 'code'} ({event.code})"
    if event.item is not None and event.operation in ("vend", "pay"):
        if event.item.fate in (Fate.DONE, Fate.UNKNOWN) and event.outcome == "approved":
            return f"{said}\n{receipt(terminal, event.item)}"
        return f"{said}\n{text}" if text else said
    if event.operation == "reversal" and event.item is not None:
        said += f" of {event.item.stan:06d}: {event.item.fate.value}"
        if event.item.fate is Fate.KEPT and event.item.answer.get("token"):
            return f"{said}\n{receipt(terminal, event.item)}"
        return said
    rows = _answered(event.values, terminal.setup.exponent)
    body = text.splitlines() if text else list(rows)
    body += list(_token(event.values, text))
    return "\n".join([said, *body])


def journal(terminal: Terminal) -> str:
    """The items of the batch and its totals."""
    exponent = terminal.setup.exponent
    rows = [
        f"{item.stan:06d} {item.kind:<8}{money(item.amount, exponent):>14} {item.fate.value}"
        for item in terminal.book.items
    ]
    totals = Totals.of(terminal.book.items)
    rows.append(
        f"batch {terminal.book.batch}: {totals.debits} for"
        f" {money(totals.debit_amount, exponent)}, taken back {totals.debit_reversals} for"
        f" {money(totals.debit_reversal_amount, exponent)}"
    )
    return "\n".join(rows)


def prompt(terminal: Terminal) -> str:
    """What stands before the cursor."""
    who = f" {terminal.cashier}" if terminal.cashier else ""
    line = "" if terminal.up else ", no line"
    doing = "" if terminal.state is State.IDLE else f" {terminal.state.value}"
    return f"[{terminal.setup.number}{who}{doing}{line}] "
