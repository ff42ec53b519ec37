"""What the tests of whole sales share: local times, meter numbers, debts, what a token says."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.messages import Answer, Outcome
from core.refusals import operator_sentence
from core.sts.amounts import decode_units
from core.sts.meter_id import luhn_digit, meter_pan
from core.sts.module import MeterKey, SecurityModule
from core.tariffs.compiling import CompiledTariff
from core.tariffs.load import load_file
from hub.textkeys import KEYS
from tests.hub.machine import ROOT, Machine

E8 = 100_000_000


def instant(local: str, zone: str = "Africa/Kampala") -> int:
    """Microseconds of a local time such as ``2026-01-31T23:59:59``."""
    return int(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1_000_000


def set_clock(machine: Machine, local: str, zone: str = "Africa/Kampala") -> None:
    """From now on it is this time."""
    machine.time.at_us = instant(local, zone)


def drn_of(number: int) -> str:
    """A meter number that fits its check digit: ``04`` and eight digits in front of it."""
    digits = f"04{number:08d}"
    return f"{digits}{luhn_digit(digits)}"


def mapping(name: str) -> str:
    """The text of a tariff file that ships."""
    return (ROOT / f"mappings/tariffs/{name}.yaml").read_text(encoding="utf-8")


def tariff(text: str) -> dict[str, CompiledTariff]:
    """A company's tariffs: the one of this text."""
    compiled = load_file(text, "tariff.yaml").tariff
    return {compiled.tariff.code: compiled}


def uganda(*versions: tuple[str, str, str]) -> dict[str, CompiledTariff]:
    """Uganda's tariff in versions of (first day, rate of the second block, service fee)."""
    text = mapping("uganda-domestic")
    at, end = text.index("    - valid_from"), text.index("\ntests:")
    one = text[at:end]
    made = [
        one.replace("2018-01-01", day).replace("750.9", rate).replace("3360", fee)
        for day, rate, fee in versions
    ]
    text = text[:at] + "\n".join(made) + text[end:]
    return tariff(text.replace("effective: 2018-01-01", f"effective: {versions[0][0]}"))


def carried_by(module: SecurityModule, company: str, sale: dict[str, Any], ea: int = 11) -> int:
    """Tenths of a unit that the issued token says when it is read back with the meter's key."""
    key = MeterKey(company, meter_pan(sale["meter"]), ea, sale["sgc"], sale["krn"], sale["ti"])
    return decode_units(module.decode(key, sale["token"]).data.fields["amount"])


def amounts(answer: Answer) -> dict[str, int]:
    """Minor units per code of the receipt."""
    sums: dict[str, int] = {}
    for line in answer.data["lines"]:
        sums[line["code"]] = sums.get(line["code"], 0) + line["amount"]
    return sums


def refused(answer: Answer, code: str) -> Mapping[str, Any]:
    """The arguments of the refusal that was expected; they must fill every sentence about it."""
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code), answer
    assert "?" not in operator_sentence(code, answer.args)
    needed = {slot.field for slot in KEYS[f"refusal.{code}"].slots.values()}
    assert needed <= answer.args.keys(), f"{code} does not say {needed - answer.args.keys()}"
    return answer.args


def change(machine: Machine, sql: str, **params: Any) -> None:
    """What the desk or another service would have written."""
    with machine.store.transaction() as tx:
        assert tx.run(sql, **params) > 0


def owe(machine: Machine, number: str, *debts: dict[str, Any], company: str = "demo") -> None:
    """Debts of an account's agreement."""
    ((agreement,),) = machine.rows(
        "SELECT a.id FROM agreement a JOIN account x ON x.id = a.account_id "
        "WHERE x.company = :company AND x.number = :number",
        company=company,
        number=number,
    )
    ((known,),) = machine.rows("SELECT coalesce(max(id), 0) FROM debt")
    with machine.store.transaction() as tx:
        for id_, debt in enumerate(debts, int(known) + 1):
            row = {"priority": 1, "value": 0, "cap_per_sale": 0, **debt}
            row |= {"id": id_, "company": company, "agreement_id": agreement}
            tx.insert("debt", tuple(row), [tuple(row.values())])


def postings(machine: Machine, receipt: str, company: str = "demo") -> dict[tuple[str, int], int]:
    """(ledger, owner) → amount of the sale's transaction."""
    rows = machine.rows(
        "SELECT p.ledger, p.owner, p.amount FROM posting p JOIN ledger_txn t ON t.id = p.txn_id "
        "JOIN sale s ON s.message_id = t.message_id "
        "WHERE s.receipt = :receipt AND s.company = :company",
        receipt=receipt,
        company=company,
    )
    return {(ledger, owner): amount for ledger, owner, amount in rows}
