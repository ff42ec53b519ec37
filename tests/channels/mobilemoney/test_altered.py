"""Notices that somebody has altered or made up, by cases: what finds them."""

from pathlib import Path
from typing import Any

import pytest

from adapters.mobilemoney.sending import Kind
from tests.channels.mobilemoney.fakes import METER, Stage, c2b, outcome, said


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def listed(receipt: str = "RKL51ZDR4F", amount: str = "500.00") -> Any:
    """A page of the list of payments."""
    row = {
        "transactionId": receipt, "amount": amount, "billreference": METER,
        "trxDate": "2026-11-21T12:01:00+03:00", "msisdn": "254708374149",
    }  # fmt: skip
    return said(Response=[[row]])


def confirmed(stage: Stage, **other: Any) -> int:
    return int(outcome(stage.calls_back(Kind.CONFIRMATION, "", c2b(**other))).status)


def test_the_list_finds_an_altered_amount_that_was_booked(stage: Stage) -> None:
    """The decision makes a case of the second one; the same list again says nothing new."""
    assert confirmed(stage, amount="900.00") == 200
    end = said(Response=[[]])
    stage.client.will[stage.path("pull")] = [listed(), end, listed(), end]
    stage.advance(7_300)
    told = [(each.proof, each.amount) for each in stage.pay_ins()]
    assert told == [("notice", 90_000), ("pull", 50_000)]
