"""Which receipts of a provider are on file."""

from pathlib import Path

from core.queries.wallet_receipts import known_receipts
from tests.core.wallets.purse import pay_in, purse


def test_only_those_of_this_company_and_wallet(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    machine.do(pay_in(1_000, receipt="RKL51ZDR4F"), "one")
    asked = ("RKL51ZDR4F", "RKL51ZDR4X", "RKL51ZDR4F")
    terms = machine.terms
    with machine.store.reader() as reader:
        assert known_receipts(reader, terms, "mpesa", asked) == {"RKL51ZDR4F": (1_000, "UGX")}
        assert known_receipts(reader, terms, "mtn", asked) == {}
        assert known_receipts(reader, terms, "mpesa", ()) == {}
