"""The list of open collections by age."""

from pathlib import Path

from core.queries.collections_open import open_by_wallet, open_collections
from tests.core.wallets.payer import asked, done, paid, purse, says, vend

SECOND_US = 1_000_000


def test_by_age_and_by_wallet(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    old = asked(machine)
    done(machine, says(old, "unknown", reason="provider", code="500"))
    machine.time.at_us += 400 * SECOND_US
    new = asked(machine, vend(30_000, payer="+256770000001"))
    closed = asked(machine, vend(40_000))
    done(machine, paid(closed, amount=40_000))
    now = machine.time.at_us + 10 * SECOND_US
    with machine.store.reader() as reader:
        found = open_collections(reader, "demo", now)
        assert [(each.number, each.state) for each in found] == [
            ("W-000001", "unknown"), ("W-000002", "created"),
        ]  # fmt: skip
        first, second = found
        assert (first.reference, first.code, first.asked) == (old, "500", 20_000)
        assert (first.age_s, first.late_s) == (410, 230)
        assert (second.reference, second.age_s, second.late_s) == (new, 10, 0)
        assert open_collections(reader, "demo", now, "mtn") == [second]
        assert open_collections(reader, "demo", now, most=1) == [first]
        assert open_collections(reader, "other", now) == []
        counts = open_by_wallet(reader, "demo", now)
    assert [(c.wallet, c.count, c.amount, c.late, c.oldest_s) for c in counts] == [
        ("airtel", 1, 20_000, 1, 410), ("mtn", 1, 30_000, 0, 10),
    ]  # fmt: skip
