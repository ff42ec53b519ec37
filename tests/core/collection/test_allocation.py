"""Which of the things owed a payment pays: nothing is lost, nothing is paid beyond what is open."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.collection.allocation import CLASSES, Owed, Rule, give_out

HOWS = ("class-first", "oldest-first", "pro-rata", "named-only", "credit")
DUES = ("2026-01-31", "2026-02-28", "2026-03-31")


@st.composite
def owing(draw: st.DrawFn) -> list[Owed]:
    count = draw(st.integers(0, 8))
    return [
        Owed(
            id_, f"c{id_}", draw(st.sampled_from(CLASSES)), draw(st.sampled_from(DUES)),
            draw(st.integers(0, 500)), debt=draw(st.booleans()),
        )
        for id_ in range(1, count + 1)
    ]  # fmt: skip


@settings(max_examples=300)
@given(
    st.integers(1, 3_000), owing(), st.sampled_from(HOWS), st.permutations(CLASSES),
    st.lists(st.integers(1, 9), max_size=4),
)  # fmt: skip
def test_shares_and_rest_are_the_payment(
    amount: int, owed: list[Owed], how: str, order: list[str], named: list[int]
) -> None:
    rule = Rule(how=how, order=tuple(order), named=tuple(named))  # type: ignore[arg-type]
    shares, rest = give_out(amount, owed, rule)
    assert sum(share.amount for share in shares) + rest == amount
    assert all(0 < share.amount <= share.owed.open for share in shares)
    assert len({(share.owed.id, share.owed.debt) for share in shares}) == len(shares)
    total = sum(each.open for each in owed)
    if how not in ("named-only", "credit"):
        assert rest == max(0, amount - total), "money is over only when nothing is owed any more"
    chosen = [each for each in owed if each.id in named and not each.debt]
    paid = sum(s.amount for s in shares if s.owed in chosen)
    assert paid >= min(amount, sum(each.open for each in chosen)), "what is named comes first"


def owed(*rows: tuple[int, str, str, int]) -> list[Owed]:
    return [Owed(id_, "x", class_, due, open_) for id_, class_, due, open_ in rows]


FOUR = owed(
    (1, "tax", DUES[0], 100), (2, "energy", DUES[0], 100), (3, "fee", DUES[1], 100),
    (4, "penalty", DUES[2], 100),
)  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        (Rule(), [4, 3, 2, 1]),
        (Rule(how="oldest-first"), [2, 1, 3, 4]),
        (Rule(order=("energy", "tax", "fee", "penalty")), [2, 1, 3, 4]),
        (Rule(named=(3, 1)), [3, 1, 4, 2]),
        (Rule(how="named-only", named=(3, 99)), [3]),
    ],
)
def test_the_order_is_the_rules(rule: Rule, first: list[int]) -> None:
    shares, _ = give_out(400, FOUR, rule)
    assert [share.owed.id for share in shares] == first


def test_pro_rata_gives_the_remainder_to_the_older() -> None:
    three = owed((1, "energy", DUES[2], 10), (2, "energy", DUES[1], 10), (3, "fee", DUES[0], 10))
    shares, rest = give_out(10, three, Rule(how="pro-rata"))
    assert [(s.owed.id, s.amount) for s in shares] == [(3, 4), (2, 3), (1, 3)]
    assert rest == 0


def test_a_debt_in_recovery_comes_after_items_of_its_class() -> None:
    both = [Owed(1, "x", "energy", "9999-12-31", 50, debt=True), *owed((1, "energy", DUES[0], 50))]
    shares, _ = give_out(60, both, Rule())
    assert [(s.owed.debt, s.amount) for s in shares] == [(False, 50), (True, 10)]


def test_a_rule_names_every_class_once() -> None:
    with pytest.raises(ValueError, match="each of"):
        Rule(order=("tax", "tax", "fee", "energy"))
    assert replace(Rule(), named=(1,)).named == (1,)
