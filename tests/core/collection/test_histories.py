"""Random histories of everything that moves money: the books are whole after every step."""

from datetime import date, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.collection.act_kinds import MONEY_KINDS
from core.messages import ImportDebts, Message, Outcome, ReceiveJointPayment
from core.messages.collection import OldDebt, PaymentShare
from hub.replaycompare import differences
from hub.replaying import private_books, replay
from tests.core.collection.desk import act, desk_on, done, money, whole, yes
from tests.core.collection.worlds import opened
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite

ACCOUNTS = ("100001", "100002")
METERS = ("04123456784", "04123456792")
PHONES = ("+256700000001", "+256700000002")
DAY_US = 86_400_000_000
#: Where there is one, a folder in memory: the promises of the disk are not what is tried here.
MEMORY = Path("/dev/shm")

HELD = ("deposit", "deposit-use", "deposit-refund", "pay-out", "settle")

accounts = st.sampled_from(ACCOUNTS)
amounts = st.integers(1, 40_000)
which = st.integers(0, 30)


@cache
def _enrolled() -> bytes:
    with TemporaryDirectory() as folder:
        url = fresh_sqlite(Path(folder))
        machine = desk_on(url)
        done(machine, enrol(ACCOUNTS[1], METERS[1], PHONES[1]))
        done(machine, money(60_000))
        machine.store.close()
        return Path(url.removeprefix("sqlite:")).read_bytes()


class Histories(RuleBasedStateMachine):
    """One installation, two households; several messages may come in one batch."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.waiting: list[Message] = []
        self.folder: TemporaryDirectory[str] | None = None
        self.machine: Machine

    @initialize()
    def begin(self) -> None:
        """Fresh books."""
        self.folder = TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        path = Path(self.folder.name) / "books.db"
        path.write_bytes(_enrolled())
        self.machine = opened(f"sqlite:{path}")

    def teardown(self) -> None:
        """Replay the journal: it makes the same books. Then remove them."""
        if self.folder is None:
            return
        try:
            self.machine.settle()
            with private_books() as books, self.machine.store.reader() as live:
                found = replay(live, {"demo": self.machine.terms}, books)
                assert (found.otherwise, list(differences(live, books))) == ([], [])
        finally:
            self.machine.store.close()
            self.folder.cleanup()

    def pick(self, sql: str, place: int) -> Any:
        """One of the rows that a query finds, or None."""
        rows = self.machine.rows(sql)
        return rows[place % len(rows)][0] if rows else None

    def item(self, place: int, where: str = "open > 0") -> tuple[int, str]:
        """An item and its account."""
        rows = self.machine.rows(
            "SELECT i.id, a.number FROM open_item i JOIN account a ON a.id = i.account_id "
            f"WHERE {where} ORDER BY i.id"
        )
        return rows[place % len(rows)] if rows else (place, ACCOUNTS[0])

    def say(self, message: Message) -> None:
        """It waits for the next batch."""
        self.waiting.append(message)

    @rule(account=accounts, amount=amounts, cheque=st.booleans(), number=st.integers(0, 9),
          how=st.sampled_from(["", "oldest", "share", "named", "credit", "all"]))  # fmt: skip
    def pay(self, account: str, amount: int, cheque: bool, number: int, how: str) -> None:
        """Some payments have a number of their own, which comes again and again."""
        reference = f"R{number}" if 0 < number < 4 else ""
        self.say(
            money(amount, "cheque" if cheque else "cash", account, rule=how, reference=reference)
        )

    @rule(first=amounts, second=amounts, cheque=st.booleans())
    def pay_for_both(self, first: int, second: int, cheque: bool) -> None:
        shares = tuple(
            PaymentShare(account=account, amount=amount)
            for account, amount in zip(ACCOUNTS, (first, second), strict=True)
        )
        way = "cheque" if cheque else "cash"
        total = first + second
        self.say(ReceiveJointPayment(shares=shares, amount=total, currency="UGX", way=way))

    @rule(own=st.integers(0, 1), tender=st.integers(4_000, 30_000))
    def sell(self, own: int, tender: int) -> None:
        self.say(buy(tender, METERS[own], PHONES[own], another=True, holder_confirmed=True))

    @rule(account=accounts, fee=st.sampled_from(["visit", "seal", "cheque"]))
    def charge(self, account: str, fee: str) -> None:
        self.say(act("fee", account=account, fee=fee))

    @rule(place=which, kind=st.sampled_from(["clear", "dishonour", "reverse"]))
    def payment_comes_back_or_clears(self, place: int, kind: str) -> None:
        wanted = "uncleared" if kind == "clear" else "%"
        number = self.pick(
            f"SELECT number FROM payment WHERE state LIKE '{wanted}' ORDER BY id", place
        )
        account = self.pick(
            "SELECT DISTINCT c.number FROM payment p JOIN allocation x ON x.source = 'payment' "
            "AND x.source_id = p.id JOIN account c ON c.id = x.account_id "
            f"WHERE p.number = '{number}'",
            place,
        )
        self.say(act(kind, account=account or ACCOUNTS[0], payment=number or "none"))

    @rule(place=which, kind=st.sampled_from(["write-off", "waiver"]), amount=st.integers(0, 900))
    def give_up(self, place: int, kind: str, amount: int) -> None:
        item, account = self.item(place)
        self.say(act(kind, account=account, items=(item,), amount=amount))

    @rule(place=which, amount=st.integers(0, 12_000))
    def credit_note(self, place: int, amount: int) -> None:
        item, account = self.item(place, "kind = 'fee'")
        self.say(act("credit-note", account=account, items=(item,), amount=amount))

    @rule(place=which, value=st.integers(1, 10**8))
    def recover(self, place: int, value: int) -> None:
        item, account = self.item(place)
        method = "percent_of_tender" if value % 2 else "all"
        self.say(act("recover", account=account, items=(item,), method=method, value=value))

    @rule(account=accounts, count=st.integers(2, 5))
    def plan(self, account: str, count: int) -> None:
        today = self.machine.time.at_us // DAY_US
        self.say(act("plan", account=account, instalments=count, on=_day(today + 20)))

    @rule(place=which, kind=st.sampled_from(["plan-break", "plan-cancel"]))
    def end_plan(self, place: int, kind: str) -> None:
        plan = self.pick("SELECT id FROM pay_plan ORDER BY id", place)
        account = self.pick(
            "SELECT a.number FROM pay_plan p JOIN account a ON a.id = p.account_id "
            f"WHERE p.id = {plan or 0}", 0,
        )  # fmt: skip
        self.say(act(kind, account=account or ACCOUNTS[0], plan=plan or 1))

    @rule(account=accounts, amount=amounts, kind=st.sampled_from(HELD))
    def hold_or_return(self, account: str, amount: int, kind: str) -> None:
        self.say(act(kind, account=account, amount=amount, deposit="guarantee"))

    @rule(account=accounts, amount=st.integers(-9_000, 30_000), year=st.integers(2015, 2025))
    def take_over(self, account: str, amount: int, year: int) -> None:
        debt = OldDebt(account=account, year=year, amount=amount)
        self.say(ImportDebts(operator="grace", source="x", currency="UGX", debts=(debt,)))

    @rule(account=accounts, amount=amounts, year=st.integers(2020, 2023))
    def credit_of_old(self, account: str, amount: int, year: int) -> None:
        self.say(act("opening-credit", account=account, amount=amount, year=year))

    @rule(account=accounts)
    def late_fees(self, account: str) -> None:
        self.say(act("late-fees", account=account, on=_day(self.machine.time.at_us // DAY_US)))

    @rule(account=accounts, amount=amounts)
    def receipt(self, account: str, amount: int) -> None:
        self.say(act("receipt", account=account, amount=amount))

    @rule(place=which)
    def pay_receipt(self, place: int) -> None:
        rows = self.machine.rows(
            "SELECT r.number, r.amount, a.number FROM pre_receipt r "
            "JOIN account a ON a.id = r.account_id ORDER BY r.id"
        )
        if rows:
            number, amount, account = rows[place % len(rows)]
            self.say(money(amount, account=account, receipt=number))

    @rule(place=which, agree=st.booleans())
    def decide(self, place: int, agree: bool) -> None:
        number = self.pick("SELECT id FROM token_act WHERE state = 'requested' ORDER BY id", place)
        if number is not None:
            self.say(yes(number, decision="approve" if agree else "reject"))

    @rule(days=st.integers(1, 60))
    def time_passes(self, days: int) -> None:
        self.settle()
        self.machine.time.at_us += days * DAY_US

    @precondition(lambda self: self.waiting)
    @rule()
    def settle(self) -> None:
        """All that waits comes in one batch."""
        heard = []
        for message in self.waiting:
            self.count += 1
            heard.append(self.machine.accept(message, f"h{self.count}"))
        self.waiting.clear()
        self.machine.settle()
        for each in heard:
            answer = self.machine.answer(each[0].message_id)
            assert answer.outcome in (Outcome.DONE, Outcome.REFUSED), answer

    @invariant()
    def books_are_whole(self) -> None:
        if len(self.waiting) >= 3:
            self.settle()
        if self.folder is not None and not self.waiting:
            whole(self.machine)


def _day(number: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=number)).isoformat()


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=12, stateful_step_count=30, deadline=None)


def test_every_kind_of_act_is_in_the_histories() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    missing = {kind for kind in MONEY_KINDS if f'"{kind}"' not in source}
    assert missing <= {"receipt-void"}, "a receipt that is void is tried by hand"
