"""Files of providers: read whole or not at all, with the line and column of what is wrong."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.documents import DocumentError
from core.wallets.statement_file import StatementFileError, read_statement
from core.wallets.statement_layout import StatementLayout, load_layout

FOLDER = Path(__file__).parents[3] / "mappings/wallets/statements"
HEAD = (
    "Receipt No.,Completion Time,Details,Transaction Status,Paid In,Withdrawn,"
    "Other Party Info,Linked Transaction ID,A/C No.\n"
)
PAID = "SKL1AAAAA1,21-11-2026 09:00:01,Pay Bill from X,Completed,{amount},,254712***126,,0412\n"


def layout(name: str = "mpesa") -> StatementLayout:
    return load_layout((FOLDER / f"{name}.yaml").read_text(), f"{name}.yaml")


def ends(came: str, went: str = "0.00") -> str:
    return f"Total Paid In,{came}\nTotal Withdrawn,{went}\n"


def said(text: str, name: str = "mpesa", code: str = "KES") -> str:
    with pytest.raises(StatementFileError) as caught:
        read_statement(text, "day.csv", layout(name), code, 20261121)
    return str(caught.value)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_every_layout_keeps_its_cases(name: str) -> None:
    assert layout(name).cases


def test_a_line_is_a_payment_in_minor_units_at_its_instant() -> None:
    text = HEAD + PAID.format(amount='"1,000.50"') + ends("1000.50")
    (line,) = read_statement(text, "day.csv", layout(), "KES", 20261121)
    assert (line.receipt, line.amount, line.typed) == ("SKL1AAAAA1", 100_050, "0412")
    assert (line.payer, line.payer_form) == ("254712***126", "masked")
    assert line.at == 1_795_240_801_000_000, "06:00:01 UTC"


def test_what_does_not_add_up_is_rejected_as_a_whole() -> None:
    text = HEAD + PAID.format(amount="183450.00") + ends("183400.00")
    assert said(text) == (
        "Statement day.csv rejected: total in 183,450.00, trailer says 183,400.00; "
        "nothing was booked"
    )


def test_a_count_that_is_wrong_and_a_trailer_that_is_missing() -> None:
    head = "Transaction ID,Transaction Date & Time,Transaction Status,Service Type,Sender MSISDN,"
    head += "Transaction Amount,External Reference,Reference,Original Transaction ID\n"
    paid = "MP2611.A1,21-11-2026 09:00:00,TS,Merchant Payment,256700000001,500,,x,\n"
    wrong = said(head + paid + "Total records,2\nTotal amount,500\n", "airtel", "UGX")
    assert wrong == "Statement day.csv rejected: count 1, trailer says 2; nothing was booked"
    cut = said(head + paid, "airtel", "UGX")
    assert cut.endswith("the row 'Total records' is missing; nothing was booked")


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (PAID.format(amount="1e3"), "day.csv:2: column 'Paid In': '1e3' is no amount"),
        (PAID.format(amount="1.005"), "day.csv:2: column 'Paid In': '1.005' is finer than KES is"),
        (PAID.format(amount="0"), "day.csv:2: column 'Paid In': an amount of nothing"),
        (
            PAID.format(amount="5").replace("21-11", "20-11"),
            "day.csv:2: column 'Completion Time': 20-11-2026 09:00:01 is not of the day 20261121",
        ),
        (
            PAID.format(amount="5").replace("21-11-2026", "yesterday"),
            "day.csv:2: column 'Completion Time': 'yesterday 09:00:01' is no time like "
            "%d-%m-%Y %H:%M:%S",
        ),
        (
            PAID.format(amount="5") + PAID.format(amount="5"),
            "day.csv:3: column 'Receipt No.': SKL1AAAAA1 stands on line 2, too",
        ),
        (
            PAID.format(amount="5").replace("Pay Bill from X", "Lottery"),
            "day.csv:2: column 'Details': 'Lottery' is a kind that no rule knows",
        ),
        (
            PAID.format(amount="5").replace("SKL1AAAAA1", "=cmd()"),
            "day.csv:2: column 'Receipt No.': '=cmd()' is no receipt",
        ),
        (
            "SKL1AAAAA3,21-11-2026 10:00:00,Pay Bill Reversal,Completed,,-5.00,254712***126,,\n",
            "day.csv:2: column 'Linked Transaction ID': a reversal names what it gave back",
        ),
        ("SKL1AAAAA1,21-11-2026\n", "day.csv:2: 2 columns, at least 9 are wanted"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_column(row: str, what: str) -> None:
    assert said(HEAD + row + ends("5.00")) == what


def test_a_file_of_something_else_has_no_such_columns() -> None:
    assert said("<html>sorry</html>").startswith("day.csv: no line has the columns Receipt No.")


def test_failed_lines_and_payouts_are_left_out_and_fees_go_to_their_payment() -> None:
    rows = (
        PAID.format(amount="100.00")
        + "SKL1AAAAA1,21-11-2026 09:00:01,Pay Bill Charge,Completed,,1.00,,,\n"
        + "SKL1AAAAA8,21-11-2026 09:00:01,Pay Bill from Y,Failed,9.00,,,,\n"
        + "SKL1AAAAA9,21-11-2026 23:00:00,Organization Settlement,Completed,,99.00,,,\n"
    )
    (line,) = read_statement(HEAD + rows + ends("100.00", "100.00"), "f", layout(), "KES", 20261121)
    assert (line.amount, line.fee) == (10_000, 100)


def test_a_layout_with_a_wrong_case_says_where() -> None:
    text = (FOLDER / "mtn.yaml").read_text().replace("amount: 20000,", "amount: 20001,")
    with pytest.raises(DocumentError) as caught:
        load_layout(text, "mtn.yaml")
    assert "mtn.yaml:" in str(caught.value)
    assert "cases[0]: it comes to" in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_whatever_comes_is_lines_or_one_error(text: str) -> None:
    with suppress(StatementFileError):
        assert read_statement(HEAD + text, "f", layout(), "KES", 20261121) == []
