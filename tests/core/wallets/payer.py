"""What the tests of collections share: a household, a wallet's channel, what its provider says."""

from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from core.messages import Answer, AskPayer, Outcome, ReportCollection, RequestCollection
from core.messages.vending import CreditVend, Recipient
from core.wallets.load import load_file
from core.wallets.terms import WalletTerms
from tests.core.collection.desk import wrongs
from tests.hub.machine import (
    METER,
    PHONE,
    ROOT,
    FakeChannel,
    FakeTime,
    Machine,
    demo_terms,
    enrol,
    fresh_sqlite,
)

KEYS = count()
#: By its prefix Airtel serves the household's phone.
WALLET = "airtel"
OTHER = "04123456792"


@cache
def wallet_terms() -> WalletTerms:
    """The demonstration company's wallets."""
    return load_file((ROOT / "mappings/wallets/demo.yaml").read_text(), "demo.yaml").terms


@dataclass
class Purse(Machine):
    """A machine with the wallets' channels, played by hand."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.wallet = FakeChannel()
        names = {wallet.channel: self.wallet for wallet in self.terms.wallets.wallets.values()}
        self.outbound.attach({"sms": self.channel, **names})
        for name in ("sms", *names):
            self.outbound.wake(name)

    def asked(self) -> list[AskPayer]:
        """Whom the channels were told to ask."""
        return [sent.message for sent in self.wallet.sent if isinstance(sent.message, AskPayer)]

    def told(self) -> list[str]:
        """The notices so far: their templates, of refusals the codes."""
        said = (sent.message for sent in self.channel.sent)
        return [m.args["code"] if m.template == "refusal" else m.template for m in said]

    def payment(self, number: str = "W-000001") -> dict[str, Any]:
        """A row."""
        from core.wallets.entities import WalletPayment

        names = WalletPayment.__struct_fields__
        sql = f"SELECT {', '.join(names)} FROM wallet_payment WHERE number = :n"
        (row,) = self.rows(sql, n=number)
        return dict(zip(names, row, strict=True))

    def ledgers(self) -> dict[str, int]:
        """Every ledger that is not empty."""
        sql = "SELECT ledger, CAST(sum(amount) AS BIGINT) FROM posting GROUP BY ledger"
        return {ledger: amount for ledger, amount in self.rows(sql) if amount}


def purse_terms(**changes: Any) -> Any:
    """The company's terms."""
    return demo_terms(wallets=wallet_terms(), **changes)


def purse(folder: Path, **changes: Any) -> Purse:
    """A household on SQLite, without money."""
    return purse_on(fresh_sqlite(folder), **changes)


def purse_on(url: str, **changes: Any) -> Purse:
    """The same on the database of this URL."""
    machine = Purse(url, FakeTime(), purse_terms(**changes))
    assert do(machine, enrol()).outcome is Outcome.DONE
    return machine


def do(machine: Machine, message: Any, key: str = "") -> Answer:
    """The answer."""
    return machine.do(message, key or f"purse{next(KEYS)}")


def done(machine: Machine, message: Any, key: str = "") -> dict[str, Any]:
    """It went well: the answer's data; the books are right."""
    answer = do(machine, message, key)
    assert answer.outcome is Outcome.DONE, answer
    assert wrongs(machine) == []
    return dict(answer.data)


def no(machine: Machine, message: Any, key: str = "") -> str:
    """It was refused, and asked nobody: the code."""
    before = machine.rows("SELECT count(*) FROM wallet_payment")
    answer = do(machine, message, key)
    assert answer.outcome is Outcome.REFUSED, answer
    assert machine.rows("SELECT count(*) FROM wallet_payment") == before
    return answer.code


def me(phone: str = PHONE) -> tuple[Recipient, ...]:
    """He reads it by SMS."""
    return (Recipient(way="sms", address=phone),)


def vend(amount: int = 20_000, phone: str = PHONE, **changes: Any) -> RequestCollection:
    """A purchase for the household's meter that the payer's wallet pays."""
    names = {"payer", "wallet", "answer_by_notice", "currency"}
    outer = {name: changes.pop(name) for name in names & changes.keys()}
    bought: dict[str, Any] = {
        "meter": METER, "tender": amount, "currency": "UGX", "phone": phone, "reply": me(phone),
        **changes,
    }  # fmt: skip
    values = {"payer": phone, "currency": "UGX", "reply": me(phone), **outer}
    return RequestCollection(amount=amount, purpose="vend", vend=CreditVend(**bought), **values)


def bill(amount: int = 5_000, account: str = "100001", **changes: Any) -> RequestCollection:
    """A payment of what an account owes."""
    values: dict[str, Any] = {"payer": PHONE, "currency": "UGX", "reply": me(), **changes}
    return RequestCollection(amount=amount, purpose="bill", account=account, **values)


def says(reference: str, state: Any, **changes: Any) -> ReportCollection:
    """The provider's word."""
    values: dict[str, Any] = {"wallet": WALLET, "proof": "notice", **changes}
    return ReportCollection(reference=reference, state=state, **values)


def paid(reference: str, receipt: str = "R1", amount: int = 20_000, **more: Any) -> Any:
    """The provider says that the money came."""
    values: dict[str, Any] = {"currency": "UGX", **more}
    return says(reference, "paid", receipt=receipt, amount=amount, **values)


def asked(machine: Purse, command: RequestCollection | None = None) -> str:
    """A collection that waits; its reference."""
    return str(done(machine, command or vend())["reference"])


def plan_of(machine: Purse, number: str = "W-000001") -> RequestCollection:
    """What was asked for."""
    plan = machine.payment(number)["plan"]
    return msgspec.json.decode(plan, type=RequestCollection)
