"""Books in which everything has happened once, made once a session and copied."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.messages import CollectOffline, ReceiveJointPayment, Slip
from core.messages.collection import PaymentShare
from tests.core.agents import shop
from tests.core.billing.village import issued, report, rows, settle, wrongs
from tests.core.collection.desk import act, agreed, debt, desk_on, done, money, whole
from tests.core.terminals import shop as post
from tests.core.terminals import till
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite


def lived(url: str) -> None:
    """Fees, cheques, reversals, plans, deposits, sales, a debt in recovery: and whole books."""
    machine = desk_on(url)
    done(machine, enrol("100002", "04123456792", "+256700000002"))
    done(machine, money(100_000))
    done(machine, buy(20_000))
    done(machine, act("fee", fee="visit"))
    done(machine, act("fee", fee="seal"))
    wrong = done(machine, money(5_000))["payment"]
    agreed(machine, act("reverse", payment=wrong))
    cheque = done(machine, money(30_000, "cheque"))["payment"]
    agreed(machine, act("clear", payment=cheque))
    done(machine, money(7_000, "cheque", account="100002"))
    debt(machine, 90_000, 2024)
    done(machine, act("late-fees", on="2026-11-21"))
    done(machine, act("plan", instalments=4, on="2026-12-01"))
    debt(machine, 12_000, 2025)
    done(machine, act("deposit", deposit="guarantee", amount=10_000))
    agreed(machine, act("pay-out", amount=1_000))
    shares = (PaymentShare(account="100001", amount=4_000),
              PaymentShare(account="100002", amount=1_000))  # fmt: skip
    done(machine, ReceiveJointPayment(shares=shares, amount=5_000, currency="UGX"))
    done(machine, buy(20_000, another=True))
    whole(machine)
    machine.store.close()
    _billed(url)


def _billed(url: str) -> None:
    """Postpaid neighbours with bills, one of them corrected."""
    made = settle(url, 3)
    issued(made)
    report(made, {rows(made, "SELECT min(agreement_id) FROM bill")[0][0]: 50_000})
    issued(made, kind="rebill")
    assert wrongs(made) == []
    _agents(url)


def _agents(url: str) -> None:
    """An agent below another sold, collected, earned, and had a payment reversed."""
    machine = Machine(url, terms=shop.shop_terms())
    machine.time.at_us += 1_800_000_000  # later than what is there, with other draws
    machine.time.drawn += 2_000_000
    shop.opened(machine, "TOP", money=90_000)
    shop.opened(machine, money=60_000, commission="own", parent="TOP")
    done(machine, shop.sell(20_000))
    done(machine, shop.collect(7_000))
    wrong = done(machine, shop.collect(3_000))["payment"]
    agreed(machine, act("reverse", payment=wrong))
    shop.agreed(machine, shop.ask("transfer", "TOP", other="A1", amount=4_000))
    shop.agreed(machine, shop.ask("withdraw", amount=1_000))
    done(machine, shop.ask("security", security="guarantee", amount=9_000))
    _terminals(machine)
    whole(machine)
    machine.store.close()


def _terminals(machine: Machine) -> None:
    """One with a cashier at it, who came after another, and one that is lost."""
    for number in (post.TERMINAL, post.OTHER):
        post.placed(machine, number)
    for code in ("07", "08"):
        post.hired(machine, code)
        done(machine, post.on(code))
    post.agreed(machine, post.ask("emergency", receipts=20))
    done(machine, post.on(terminal=post.OTHER))
    done(machine, post.ask("lost", post.OTHER))
    _items(machine)


def _items(machine: Machine) -> None:
    """Sold, collected, taken back, refused, barred, settled, late; and without the line."""
    here: dict[str, Any] = {"terminal": post.TERMINAL, "cashier": "08"}

    def named(stan: int, batch: int = 1) -> Slip:
        return till.slip(machine, stan, batch, **here)

    done(machine, shop.sell(1_000, another=True, slip=named(1)))
    done(machine, till.back(machine, 1, terminal=post.TERMINAL))
    for stan in (2, 3):
        done(machine, shop.collect(500 + stan, slip=named(stan)))
    done(machine, till.back(machine, 3, terminal=post.TERMINAL))
    done(machine, till.back(machine, 4, terminal=post.TERMINAL))
    machine.do(shop.sell(10**9, another=True, slip=named(5)), "refused at a terminal")
    theirs = till.totals(3, 2_005, 1, 503)
    done(machine, till.settling(machine, theirs, terminal=post.TERMINAL))
    done(machine, shop.collect(600, slip=named(6)))
    done(machine, shop.collect(700, slip=named(7, 2)))
    for stan, amount, account in ((8, 90, "999999"), (9, 200_000, "100002")):
        done(machine, CollectOffline(
            agent="A1", account=account, amount=amount, currency="UGX", slip=named(stan, 2)
        ))  # fmt: skip
    late = machine.rows("SELECT id FROM terminal_case WHERE kind = 'late-item'")[0][0]
    done(machine, till.closing(late))


@cache
def _lived_sqlite() -> bytes:
    with TemporaryDirectory() as folder:
        url = fresh_sqlite(Path(folder))
        lived(url)
        path = Path(url.removeprefix("sqlite:"))
        return path.read_bytes()


def lived_sqlite(folder: Path) -> str:
    """A copy of such books on SQLite."""
    path = folder / "lived.db"
    path.write_bytes(_lived_sqlite())
    return f"sqlite:{path}"


def opened(url: str) -> Machine:
    """A machine over books that are there already."""
    from tests.core.collection.desk import OPERATORS, TERMS
    from tests.hub.machine import demo_terms

    machine = Machine(url, terms=demo_terms(operators=OPERATORS, collection=TERMS))
    machine.time.at_us += 3_600_000_000  # later than what is there, with other draws
    machine.time.drawn += 1_000_000
    return machine
