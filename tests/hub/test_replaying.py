"""Replay of the journal rebuilds the books; what was changed behind their back is found."""

import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from core.billing import facts, issue, periods
from core.collection.terms import CollectionTerms
from core.company import Terms
from core.messages import GiveAdvance, RunBillPhase
from core.store.ids import take
from core.store.invariants import offences
from core.store.upgrade import open_store, upgrade
from hub.billruns import open_desk
from hub.bulk import BulkWorker
from hub.replaycompare import COMPARED, Difference, differences
from hub.replaying import Replayed, ReplayError, private_books, replay
from hub.verbs.check_replay import snapshot
from tests.core.agents import shop
from tests.core.billing import village
from tests.core.changes import life
from tests.core.collection.desk import (
    OPERATORS,
    TERMS,
    act,
    agreed,
    debt,
    desk_on,
    done,
    money,
    refused,
)
from tests.core.terminals import shop as post
from tests.core.vending import credit
from tests.core.vending.test_pauses_and_facts import per_kilowatt
from tests.hub import acting
from tests.hub.machine import METER, PHONE, Machine, buy, demo_terms, enrol, fresh_sqlite
from tests.hub.sales import drn_of
from tests.servers.postgres import Postgres

HOUSES = ("V1", "V2", "V3")


def replayed(machine: Machine) -> tuple[Replayed, list[Difference]]:
    """What replay of this machine's journal comes to."""
    known = {each.code: each for each in (machine.terms, *machine.others)}
    with private_books() as books, machine.store.reader() as live:
        found = replay(live, known, books)
        return found, list(differences(live, books))


def lived(url: str, *, bills_too: bool = True) -> Machine:
    """Sales, payments, acts, reversals, a plan, and bills that are paid and corrected."""
    machine = desk_on(url, tariffs=dict(terms().tariffs))
    done(machine, money(100_000))
    done(machine, buy(20_000))
    done(machine, act("fee", fee="visit"))
    done(machine, act("fee", fee="seal"))
    agreed(machine, act("reverse", payment=done(machine, money(5_000))["payment"]))
    cheque = done(machine, money(30_000, "cheque", bank="Centenary", reference="9"))["payment"]
    agreed(machine, act("clear", payment=cheque))
    debt(machine, 90_000, 2024)
    done(machine, act("late-fees", on="2026-11-21"))
    done(machine, act("plan", instalments=4, on="2026-12-01"))
    refused(machine, act("plan", instalments=900, on="2026-12-01"))
    done(machine, act("dishonour", payment=cheque))
    done(machine, act("deposit", deposit="guarantee", amount=10_000))
    if bills_too:
        bills(machine)
    done(machine, buy(20_000, another=True))
    return machine


def bills(machine: Machine) -> None:
    """Three postpaid houses get a bill; two pay it, of one it is corrected."""
    for place, number in enumerate(HOUSES):
        done(machine, enrol(
            number, phone=f"+25670000010{place}", tariff="village", mode="postpaid", meter=None,
            since="2026-01-01",
        ))  # fmt: skip
    ids = dict(machine.rows("SELECT tariff || id, id FROM agreement WHERE mode = 'postpaid'"))
    made = replace(village.books(machine.url), now_us=machine.time.now_us)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        periods.open_period(tx, "demo", village.PERIOD, 1)
    village.report(made, dict.fromkeys(ids.values(), 100000))
    village.issued(made)
    for number in HOUSES[:2]:
        done(machine, money(200_000, account=number))
    village.report(made, {min(ids.values()): 50_000})
    village.issued(made, kind="rebill")
    done(machine, money(1_000, account=HOUSES[2]))


@cache
def _lived() -> tuple[bytes, int]:
    with TemporaryDirectory() as folder:
        machine = lived(fresh_sqlite(Path(folder)))
        machine.store.close()
        return Path(machine.url.removeprefix("sqlite:")).read_bytes(), machine.time.at_us


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    books, at_us = _lived()
    path = tmp_path / "lived.db"
    path.write_bytes(books)
    machine = Machine(f"sqlite:{path}", terms=terms())
    machine.time.at_us = at_us
    return machine


def terms() -> Terms:
    """The company of the tests of collection, with the village's tariff."""
    tariffs = {**demo_terms().tariffs, "village": village.tariff()}
    return demo_terms(operators=OPERATORS, collection=TERMS, tariffs=tariffs)


def test_replay_makes_the_same_books(machine: Machine) -> None:
    found, unlike = replayed(machine)
    assert (found.otherwise, unlike) == ([], [])
    assert found.commands > 20
    assert found.given >= 6, "bills are taken as given, with what corrects them"


def busy(url: str) -> Machine:
    """What commands decide by rows that no command brought, and what is moved beside them: agents,
    units on credit, changes of the payment mode, facts, bill runs that travel on the bus."""
    machine = Machine(url, terms=busy_terms())
    done(machine, enrol())
    done(machine, money(200_000))
    done(machine, buy(20_000))
    done(machine, GiveAdvance(operator="mary", meter=METER, reason="night"))
    agents(machine)
    done(machine, enrol(
        "K1", drn=drn_of(1), phone="+256700000201", tariff="kilowatt", customer="CK1",
    ))  # fmt: skip
    kilowatts(machine)
    done(machine, money(60_000, account="K1"))
    done(machine, buy(9_000, drn_of(1), phone="+256700000201"))
    bus_bills(machine)
    modes(machine)
    return machine


def busy_terms() -> Terms:
    tariffs = {"village": village.tariff(), "kilowatt": per_kilowatt()}
    operators = {**acting.OPERATORS, **shop.OPERATORS, **life.OPERATORS}
    return replace(
        life.terms_of(), operators=operators, agents=shop.FEES, collection=credit.collection(),
        tariffs={**life.terms_of().tariffs, **tariffs},
    )  # fmt: skip


def agents(machine: Machine) -> None:
    """A payment that he took comes back, a sale of his is cancelled."""
    shop.opened(machine, "TOP", transfers="down")
    shop.opened(machine, money=100_000, commission="own", parent="TOP", daily_limit=90_000)
    done(machine, shop.collect(7_000))
    back = done(machine, shop.collect(5_000))["payment"]
    agreed(machine, act("reverse", payment=back))
    sale = done(machine, shop.sell(15_000))
    cancelled = done(machine, acting.ask(
        "cancel-sale", token=sale["receipt"], evidence="returned: in the store"
    ))  # fmt: skip
    done(machine, acting.decide(cancelled["act"]))
    done(machine, shop.sell(16_000))
    own_acts(machine)


def own_acts(machine: Machine) -> None:
    """What agents do themselves: requests, a transfer, cash handed over, a customer told."""
    done(machine, shop.wish(30_000, "FT7", "TOP"))
    done(machine, shop.wish(30_000, "FT8", "TOP"))
    done(machine, shop.deposit(30_000, "FT7", "TOP"))
    done(machine, shop.ask("topup-decline", "TOP", reference="FT8"))
    done(machine, shop.give(9_000))
    shop.opened(
        machine, "B1", mode="post-settled", credit_limit=50_000, cash_limit=20_000, tells="yes"
    )
    done(machine, shop.sell(9_000, "B1"))
    done(machine, shop.surrender(6_000, "B1"))
    terminals(machine)


def terminals(machine: Machine) -> None:
    """Cashiers who come and go, one with a wrong PIN first."""
    post.placed(machine)
    post.hired(machine)
    assert post.do(machine, post.on(digits="0000")).code == "pin-wrong"
    done(machine, post.on())
    done(machine, post.report(latitude=5, longitude=6))
    post.agreed(machine, post.ask("emergency", limit=90_000, receipts=9))
    done(machine, post.off())
    done(machine, post.on())
    done(machine, post.ask("lost"))


def kilowatts(machine: Machine) -> None:
    """An operator's file says what was agreed with K1."""
    ((id_,),) = machine.rows("SELECT id FROM agreement WHERE tariff = 'kilowatt'")
    stated = facts.fact_of({
        "agreement": str(id_), "kind": "attribute", "name": "sanctioned_kw", "value": "3",
        "from": "2026-11-01",
    })  # fmt: skip
    with machine.store.transaction() as tx:
        means = (lambda name, count: take(tx, name, count).start), machine.time.now_us()
        assert facts.state_facts(tx, "demo", [stated], means, "grace") == 1


def bus_bills(machine: Machine) -> None:
    """Two houses are billed by the bulk lane; one bill is corrected."""
    for number in HOUSES[:2]:
        done(machine, enrol(
            number, phone=f"+2567000003{number[1:]:>02}", tariff="village", mode="postpaid",
            meter=None, since="2026-01-01",
        ))  # fmt: skip
    ids = [row[0] for row in machine.rows(
        "SELECT id FROM agreement WHERE tariff = 'village' ORDER BY id"
    )]  # fmt: skip
    made = replace(
        village.books(machine.url), now_us=machine.time.now_us, tariffs=machine.terms.tariffs
    )
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        periods.open_period(tx, "demo", village.PERIOD, machine.time.now_us())
        periods.open_period(tx, "demo", life.PERIOD, machine.time.now_us())
    village.report(made, dict.fromkeys(ids, 100_000))
    travelled(machine, village.planned(made))
    done(machine, money(90_000, account=HOUSES[0]))
    village.report(made, {ids[0]: 50_000})
    travelled(machine, village.planned(made, kind="rebill"))
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        periods.close_period(tx, "demo", village.PERIOD, machine.time.now_us())


def travelled(machine: Machine, run: int) -> None:
    """Frozen, calculated, approved and issued by the bulk lane."""
    terms = {machine.terms.code: machine.terms}
    bulk = BulkWorker(machine.store, terms, machine.routing, "bulk0", machine.time.sources())
    made = village.books(machine.url)
    for phase in ("freeze", "issue"):
        machine.accept(RunBillPhase(run=run, phase=phase), f"{run}/{phase}", f"run/{run}")
        machine.intake.step()
        while bulk.step():
            pass
        if phase == "freeze":
            village.approve(made, run)
    assert machine.rows("SELECT state FROM bill_run WHERE id = :id", id=run) == [("issued",)]


def modes(machine: Machine) -> None:
    """The household is billed by the month, and by tokens again a month later."""
    change = life.asked(machine, "to-postpaid")
    done(machine, life.move(change, "read", remaining_tenths=10, readings={"units": 1_000}))
    life.agreed(machine, change)
    done(machine, life.move(change, "switch"))
    done(machine, life.move(change, "confirm", evidence="photo 9"))
    machine.time.at_us += 3 * life.DAY_US
    back = life.asked(machine, "to-prepaid")
    done(machine, life.move(back, "read", usage={"units": 40_000}))
    assert machine.rows("SELECT count(*) FROM bill_usage WHERE source LIKE 'change/%'") == [(1,)]
    made = village.books(machine.url)
    travelled(machine, village.planned(made, period=life.PERIOD))
    ((owed,),) = machine.rows("SELECT open FROM open_item WHERE period = :p", p=life.PERIOD)
    done(machine, money(owed))
    life.agreed(machine, back)


def test_replay_knows_what_runs_on_the_bus_agents_advances_facts_and_changes(
    tmp_path: Path,
) -> None:
    machine = busy(fresh_sqlite(tmp_path))
    with machine.store.reader() as reader:
        assert list(offences(reader, machine.store.dialect)) == []
    found, unlike = replayed(machine)
    assert (found.otherwise, unlike) == ([], [])
    for table in ("advance", "agent_commission", "agent_topup", "account_change", "billed_days",
                  "bill", "terminal_shift", "terminal_receipts", "cashier"):  # fmt: skip
        assert machine.rows(f"SELECT count(*) FROM {table}") != [(0,)], table


SEALED = ("posting", "allocation", "token", "ledger_txn")
PLANTED = {
    "UPDATE account SET credit = credit + 5 WHERE number = '100001'": "account 100001: credit ",
    "UPDATE posting SET amount = amount + 1 WHERE txn_id = 1 AND line = 1": "posting 1/1: amount ",
    "DELETE FROM posting WHERE txn_id = 1 AND line = 1": "posting 1/1: is not in the books",
    "UPDATE open_item SET open = open - 1 WHERE id = 4": "open_item 4: open ",
    "UPDATE debt SET outstanding = outstanding + 1": "debt 1: outstanding ",
    "UPDATE payment SET state = 'received' WHERE state = 'reversed'": "payment DP-M00000002: state",
    "UPDATE agreement_state SET units_milli = 0": "agreement_state 1: units_milli ",
    "UPDATE sale SET receipt = 'X' WHERE id = 1": "sale 1: receipt X in the books, DP-",
    "UPDATE token SET digits = '1' WHERE id = 1": "token 1: digits 1 in the books, ",
    "UPDATE deposit SET held = 0": "deposit 1: held 0 in the books, 10000 by replay",
    "INSERT INTO posting VALUES (1, 9, 'revenue:x', 0, 5)": "posting 1/9: is in the books; replay",
}


def test_what_was_changed_behind_the_journal_is_named(machine: Machine) -> None:
    """Each by a raw connection, past the triggers; the books are mended before the next."""
    path = Path(machine.url.removeprefix("sqlite:"))
    machine.store.close()
    whole = path.read_bytes()
    with private_books() as books:
        with closing(open_store(machine.url)) as store, store.reader() as live:
            assert replay(live, {"demo": machine.terms}, books).otherwise == []
        for statement, named in PLANTED.items():
            path.write_bytes(whole)
            _raw(path, statement)
            with closing(open_store(machine.url)) as store, store.reader() as live:
                told = [f"{each.what}: {each.detail}" for each in differences(live, books)]
            assert any(line.startswith(named) for line in told), (statement, told)
            if "posting" in statement:
                assert any(line.startswith("ledger demo UGX ") for line in told), told
            assert len(told) <= 3, "and nothing else is"


def _raw(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        for table in SEALED:
            for verb in ("update", "delete"):
                raw.execute(f"DROP TRIGGER {table}_no_{verb}")
        assert raw.execute(statement).rowcount > 0, statement


def test_other_rules_decide_otherwise_and_are_told(machine: Machine) -> None:
    """The configuration of today decides: without the catalogue a fee is refused."""
    machine.terms = replace(machine.terms, collection=CollectionTerms())
    found, unlike = replayed(machine)
    assert found.otherwise[0].handler == "collection.request-act"
    assert (found.otherwise[0].was, found.otherwise[0].now) == ("done", "refused")
    assert unlike


def test_what_was_decided_before_draws_were_kept_is_said(machine: Machine) -> None:
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET decided = 0 WHERE seq = 3")
    with pytest.raises(ReplayError, match="1 commands were decided by a version"):
        replayed(machine)


def test_a_command_that_is_gone_is_said(machine: Machine) -> None:
    with machine.store.transaction() as tx:
        tx.run("DELETE FROM message WHERE id = (SELECT message_id FROM delivery WHERE seq = 3)")
    with pytest.raises(ReplayError, match="not in the journal any more"):
        replayed(machine)


def test_messages_of_one_batch_are_decided_in_their_order(tmp_path: Path) -> None:
    machine = desk_on(fresh_sqlite(tmp_path))
    for number in range(12):
        machine.accept(money(6_000 + number), f"p{number}")
        machine.accept(buy(9_000, phone=PHONE, another=True), f"s{number}")
    machine.settle()
    found, unlike = replayed(machine)
    assert (found.otherwise, unlike) == ([], [])


def test_every_table_of_the_books_is_compared_or_left_out_on_purpose() -> None:
    from core.store.tables import METADATA

    outside = {
        # the machine, its edge and its proofs; what customers were told
        *("journal", "request", "message", "delivery", "tally", "partition_lease", "worker_node"),
        *("node", "seat"),
        *("setting", "id_block", "audit", "notice", "notice_reference", "channel_note"),
        *("module_log", "module_count", "token_proof", "operator_turn", "confirmation"),
        *("retention_mark", "retention_left", "erasure"),  # what is kept, and who was forgotten
        "wallet_turn",  # a lock
        # phones and their saved meters: no money, no meter is on them
        *("phone", "phone_account", "phone_meter"),
        # bill runs are taken as given
        *("billing_period", "bill_run", "run_partition", "bill", "bill_line", "bill_order"),
        # and so is what operators know of agreements
        *("agreement_category", "common_use", "usage_change"),
    }
    assert set(METADATA.tables) == {*COMPARED, *outside}


@dataclass
class Settings:
    """What the verb asks of a configuration."""

    url: str

    def database_url(self) -> str:
        return self.url


@pytest.mark.slow
def test_on_postgresql_one_snapshot_is_replayed(postgres: Postgres) -> None:
    """What is decided while it looks is not seen: neither the command nor its rows."""
    url = postgres.prepared("replaying", upgrade)
    machine = lived(url, bills_too=False)
    with snapshot(Settings(url)) as live, private_books() as books:  # type: ignore[arg-type]
        before = live.rows("SELECT count(*) FROM payment")
        done(machine, money(77))
        assert live.rows("SELECT count(*) FROM payment") == before
        found = replay(live, {"demo": machine.terms}, books)
        assert (found.otherwise, list(differences(live, books))) == ([], [])
    machine.store.close()
    postgres.drop(url)


@pytest.mark.slow
def test_on_postgresql_what_no_command_brought_is_given(postgres: Postgres) -> None:
    url = postgres.prepared("replaygiven", upgrade)
    machine = busy(url)
    with machine.store.reader() as reader:
        assert list(offences(reader, machine.store.dialect)) == []
    found, unlike = replayed(machine)
    assert (found.otherwise, unlike) == ([], [])
    machine.store.close()
    postgres.drop(url)


@pytest.mark.slow
def test_on_postgresql_a_payment_beside_a_partition_did_not_see_its_bill(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The partition begins before the payment and is committed after it: replay keeps to that."""
    url = postgres.prepared("replaybeside", upgrade)
    machine = Machine(url, terms=busy_terms())
    done(machine, enrol("V1", tariff="village", mode="postpaid", meter=None, since="2026-01-01"))
    made = replace(
        village.books(url), now_us=machine.time.now_us, tariffs=machine.terms.tariffs
    )  # fmt: skip
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        periods.open_period(tx, "demo", village.PERIOD, machine.time.now_us())
    ((id_,),) = machine.rows("SELECT id FROM agreement")
    village.report(made, {id_: 100_000})
    run = village.planned(made)
    inside, go_on, write = threading.Event(), threading.Event(), issue._write

    def slowly(*args: Any) -> None:
        write(*args)
        inside.set()
        assert go_on.wait(60)

    monkeypatch.setattr(issue, "_write", slowly)
    beside = threading.Thread(target=_travelled, args=(url, machine, run))
    beside.start()
    assert inside.wait(60)
    done(machine, money(90_000, account="V1"))
    go_on.set()
    beside.join()
    assert machine.rows("SELECT credit FROM account") == [(90_000,)], "there was no bill to pay"
    assert machine.rows("SELECT open > 0 FROM open_item") == [(True,)]
    done(machine, money(1_000, account="V1"))
    found, unlike = replayed(machine)
    assert (found.otherwise, unlike) == ([], [])
    machine.store.close()
    postgres.drop(url)


def _travelled(url: str, machine: Machine, run: int) -> None:
    """As ``travelled``, by a bulk worker with connections of its own."""
    with closing(open_store(url)) as store, closing(open_store(url)) as counter:
        terms = {machine.terms.code: machine.terms}
        sources = machine.time.sources()
        bulk = BulkWorker(store, terms, machine.routing, "bulk0", sources, counter)
        made = village.books(url)
        for phase in ("freeze", "issue"):
            machine.accept(RunBillPhase(run=run, phase=phase), f"{run}/{phase}", f"run/{run}")
            machine.intake.step()
            while bulk.step():
                pass
            if phase == "freeze":
                village.approve(made, run)
