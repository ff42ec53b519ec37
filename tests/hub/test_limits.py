"""Limits of the day: a phone's own with each company, counted with what the batch has sold."""

from pathlib import Path

from core.company import SaleLimits
from core.messages import Outcome
from tests.hub.machine import PHONE, Machine, buy, demo_terms, enrol, fresh_sqlite, pay

_OTHERS_SALE = (
    "INSERT INTO sale (id, company, message_id, state, channel, phone, payer_account_id, "
    "account_id, agreement_id, meter_id, currency, tender, units_tenths, carried_forward, period, "
    "tariff, lines, receipt, priced_at) VALUES (900, 'other', 'm', 'issued', 'sms', :phone, 9, 9, "
    "9, 9, 'KES', 25000, 1, 0, 202611, 't', '[]', 'O-1', :at)"
)


def test_what_a_phone_spends_elsewhere_does_not_count_here(tmp_path: Path) -> None:
    limits = SaleLimits(per_day_phone=30_000)
    machine = Machine(fresh_sqlite(tmp_path), terms=demo_terms(limits=limits))
    machine.do(enrol(), "enrol")
    machine.do(pay(90_000), "pay")
    with machine.store.transaction() as tx:
        tx.run(_OTHERS_SALE, phone=PHONE, at=machine.time.at_us)
    assert machine.do(buy(20_000), "k1").outcome is Outcome.DONE
    assert machine.do(buy(9_000), "k2").outcome is Outcome.DONE
    answer = machine.do(buy(8_000), "k3")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "limit-per-day-phone")


def test_the_limit_of_a_meter_sees_what_the_same_batch_has_sold(tmp_path: Path) -> None:
    limits = SaleLimits(per_day_meter=30_000)
    machine = Machine(fresh_sqlite(tmp_path), terms=demo_terms(limits=limits))
    machine.do(enrol(), "enrol")
    machine.do(pay(90_000), "pay")
    for tender in (20_000, 21_000):
        machine.accept(buy(tender), f"k{tender}")
    machine.settle()
    codes = machine.rows("SELECT outcome FROM delivery WHERE handler = 'vending.credit-vend'")
    assert codes == [("done",), ("refused",)]
    assert machine.rows("SELECT count(*) FROM token") == [(1,)]
