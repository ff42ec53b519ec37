"""Whatever cashiers, supervisors and approvers do, in any order: the books are right after each."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.messages import Outcome
from tests.core.collection.desk import act as money_act
from tests.core.collection.desk import wrongs
from tests.core.counter.till import ask, cash, do, hall, pieces, sell, take, way, whole, yes
from tests.hub.machine import Machine
from tests.hub.test_replaying import replayed
from tests.scratch import in_memory

CASHIERS = ("ann", "ben", "grace", "both")
AMOUNTS = (-1, 0, 1, 700, 5_000, 20_000, 90_000)
OFF = (0, 0, 100, -100, -5_000)
STEPS = 45
#: What fits the state of a shift (none: nobody is there), by the names of the commands below.
FITS = {
    "": ("open", "open", "open", "deposit", "cleared", "hand-in", "reverse"),
    "open": (
        *("take", "cheque", "balance", "sell", "sell", "paid-in", "paid-out", "drop", "spoil"),
        *("void", "void", "x", "count", "handover", "deposit", "reverse", "recount"),
    ),
    "counted": ("close", "close", "close", "recount", "take"),
    "handing": ("takeover", "takeover", "withdraw", "recount"),
}


def step(machine: Machine, chance: random.Random) -> Any:
    """What somebody asks for now: mostly what fits, sometimes what does not."""
    desk, who = chance.choice(("D1", "D1", "D2")), chance.choice(CASHIERS)
    ((held, state, counted, cashier, heir),) = machine.rows(
        "SELECT d.till, COALESCE(s.state, ''), COALESCE(s.counted, 0), COALESCE(s.cashier, ''), "
        "COALESCE(s.heir, '') FROM cash_desk d LEFT JOIN till_shift s ON s.id = d.shift_id "
        "WHERE d.code = :desk",
        desk=desk,
    )
    if chance.random() < 0.15:
        state, cashier, heir = chance.choice(list(FITS)), who, who
    names = ("desk", "operator")
    at: dict[str, Any] = dict(zip(names, (desk, cashier or who), strict=True))
    return commands(machine, chance, at, (held, counted), (who, heir))[chance.choice(FITS[state])]


def commands(
    machine: Machine,
    chance: random.Random,
    at: dict[str, Any],
    money: tuple[int, int],
    people: tuple[str, str],
) -> dict[str, Any]:
    """Every command by its name, for the desk and cashier of ``at``."""
    (held, counted), (who, heir) = money, people
    amount, off = chance.choice(AMOUNTS), chance.choice(OFF)
    taker = {"desk": at["desk"], "cashier": at["operator"]}
    count_ = pieces(max(0, held + off))
    rows = machine.rows("SELECT number FROM counter_receipt WHERE kind = 'payment' ORDER BY id")
    receipts = [row[0] for row in rows[-4:]] or ["none"]
    payments = [row[0] for row in machine.rows("SELECT number FROM payment")] or ["none"]
    float_: dict[str, Any] = {"pieces": pieces(max(0, amount)), **at, "operator": who}
    grace = {"desk": at["desk"], "operator": "grace"}
    return {
        "open": ask("open", source=chance.choice(("office", "safe")), **float_),
        "take": take(cash(amount, abs(amount) + 50), rule="credit", **taker),
        "cheque": take(way("cheque", 900, str(off), "Centenary"), cash(700), **taker),
        "balance": take(way("balance", 700), way("card", 300, str(off)), **taker),
        "sell": sell(cash(amount), another=True, **at),
        **{kind: ask(kind, amount=amount, **at)
           for kind in ("paid-in", "paid-out", "drop", "deposit", "hand-in")},
        **{kind: ask(kind, **at) for kind in ("spoil", "x", "close", "withdraw")},
        "void": ask("void", receipt=chance.choice(receipts), **at),
        "count": ask("count", pieces=count_, **at),
        "recount": ask("recount", pieces=count_, **grace),
        "handover": ask("handover", heir=who, pieces=count_, **at),
        "takeover": ask("takeover", pieces=pieces(counted), **{**at, "operator": heir or who}),
        "cleared": ask("cleared", slip=1, bank="b", reference=str(off), **grace),
        "reverse": money_act("reverse", payment=chance.choice(payments)),
    }  # fmt: skip


def live(machine: Machine, seed: int) -> set[str]:
    """A history; the kinds of acts and commands that were done in it."""
    chance, ends = random.Random(seed), set()
    do(machine, money_act("fee", fee="visit"))
    for _ in range(STEPS):
        message = step(machine, chance)
        answer = do(machine, message)
        if answer.data.get("state") == "requested":
            answer = do(machine, yes(answer.data["act"]))
        assert answer.outcome in (Outcome.DONE, Outcome.REFUSED), message
        if answer.outcome is Outcome.DONE:
            assert wrongs(machine) == [], (message, answer)
            ends.add(getattr(message, "kind", type(message).__name__).removeprefix("counter-"))
        machine.time.at_us += chance.choice((0, 3_600, 86_400)) * 1_000_000
    whole(machine)
    return ends


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32))
def test_any_history(seed: int) -> None:
    with TemporaryDirectory(dir=in_memory()) as folder:
        machine = hall(Path(folder))
        live(machine, seed)
        machine.store.close()


#: Of the first seeds one in which much was done, and what that was.
SEED = 10
MUCH = (
    "SellAtCounter TakeAtCounter close count deposit handover open paid-in paid-out recount "
    "reverse takeover x"
)


def test_much_is_done_and_replayed_to_the_cent(tmp_path: Path) -> None:
    machine = hall(tmp_path)
    assert live(machine, SEED) >= set(MUCH.split())
    found, unlike = replayed(machine)
    assert (found.otherwise, unlike) == ([], [])
