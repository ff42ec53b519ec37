from dataclasses import replace
from typing import Any

import pytest

from adapters.prismtoken.calls import (
    TID_ADJUST_BDT,
    IssueCreditToken,
    IssueKeyChangeTokens,
    IssueMseToken,
)
from adapters.prismtoken.errors import OrderError
from adapters.prismtoken.orders import BASES, Order, Wanted, call_of, question_of
from core.sts.tid import MINUTE_US, BaseDate
from tests.adapters.prismtoken.orders import CHANGE, CREDIT, EA07, METER


def test_a_credit_names_its_tid_and_forbids_key_changes() -> None:
    call = call_of(CREDIT)
    assert isinstance(call, IssueCreditToken)
    assert (call.transfer_amount, call.flags) == (281.0, TID_ADJUST_BDT)
    assert call.token_time == 6_266_184 + 7_670 * 1440
    config = call.meter_config
    assert (config.sgc, config.krn, config.ti, config.ken) == (201457, 1, 1, 255)
    assert (config.allow_krn_update, config.allow_ken_update, config.new_config) == (
        False, False, None,
    )  # fmt: skip


def test_the_base_dates_are_those_of_the_standard() -> None:
    first = BaseDate.Y1993.start_us
    assert {base.value: (base.start_us - first) // MINUTE_US for base in BaseDate} == BASES


def test_the_same_order_gives_the_same_call() -> None:
    assert call_of(CREDIT) == call_of(replace(CREDIT))


def test_management_key_change_and_both() -> None:
    limit = Order("m", METER, Wanted(2, 0, 5000, 1))
    assert isinstance(call_of(limit), IssueMseToken)
    alone = call_of(Order("m", EA07, change=CHANGE, three_tokens=True))
    assert isinstance(alone, IssueKeyChangeTokens)
    assert (alone.new_config.to_sgc, alone.new_config.to_ti) == (201457, 5)
    assert alone.meter_config.allow_3_kct
    both = call_of(replace(CREDIT, change=CHANGE))
    assert isinstance(both, IssueCreditToken)
    assert both.meter_config.new_config == alone.new_config


def test_currency_goes_as_currency() -> None:
    call = call_of(Order("m", METER, Wanted(0, 4, -1_234_567, 1)))
    assert call.transfer_amount == -12.34567  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"message_id": "no spaces"}, "no message id"),
        ({"message_id": "x" * 37}, "at most 36"),
        ({"token": None}, "without a token or a key change"),
        ({"token": Wanted(1, 0, 0, 1)}, "class 1"),
        ({"token": Wanted(2, 3, 0, 1)}, "class 2 subclass 3"),
        ({"token": Wanted(0, 0, 1, 1 << 24)}, "TID 16777216"),
        ({"token": Wanted(0, 0, 1, 1, 2000)}, "base date 2000"),
        ({"token": Wanted(0, 4, 1 << 51, 1)}, "not exact"),
        ({"meter": replace(METER, sgc="20145X")}, "no number"),
    ],
)
def test_an_order_that_no_call_carries(change: dict[str, Any], words: str) -> None:
    with pytest.raises(OrderError, match=words):
        call_of(replace(CREDIT, **change))


def test_the_question_names_the_order() -> None:
    question = question_of(replace(CREDIT, message_id="x" * 36))
    assert question.req_message_id == "x" * 36
    assert len(question.message_id) == 40
