"""The virtual security module: what it makes, what it refuses, and its log."""

from dataclasses import replace

import msgspec
import pytest

from core.sts.amounts import decode_currency
from core.sts.errors import (
    AlgorithmPairError,
    AmountOverflowError,
    DefaultKeyCreditError,
    FieldRangeError,
    KeyChangeRuleError,
    PanCheckDigitError,
    StsError,
    SupplyGroupUnknownError,
    TablesMissingError,
    TestKeyError,
    VendingKeyExpiredError,
)
from core.sts.key_change import NewKey, sections
from core.sts.keystore import DEMO_VK02, DEMO_VK04, KeyRecord, key_check_value
from core.sts.module import (
    CreditRequest,
    IssuedToken,
    KeyChangeRequest,
    MeterKey,
    Result,
    TokenRequest,
    VirtualModule,
    log_entries,
)
from core.sts.module_log import GENESIS, first_break, seal, token_digest
from core.sts.sta import SAMPLE_TABLES
from core.sts.tid import BaseDate, tid_at
from core.sts.token import credit, currency_credit, management, meter_test
from tests.core.sts.samples import COMPANY, DEMO_PAN, NOW_US, PAN, demo_meter, module

TID = tid_at(NOW_US, BaseDate.Y2014)


def token_of(result: Result) -> IssuedToken:
    assert isinstance(result, IssuedToken), result
    return result


def record(krn: int = 1, sgc: str = "201457", **more: object) -> tuple[KeyRecord, bytes]:
    dkga = str(more.pop("dkga", "04"))
    vk = DEMO_VK04 if dkga == "04" else DEMO_VK02
    fields = {"kt": 2, "base": 2014, "wrapped": "", "kcv": key_check_value(dkga, vk)} | more
    return KeyRecord(company=COMPANY, sgc=sgc, krn=krn, dkga=dkga, **fields), vk  # type: ignore[arg-type]


def ask(meter: MeterKey | None = None, tenths: int = 281, tid: int = TID) -> CreditRequest:
    return CreditRequest(meter or demo_meter(), tid, 5, tenths)


def test_it_makes_the_tokens_of_the_compliance_samples() -> None:
    # 0.1 kWh of 2014-03-01 13:00 for register 1, under both algorithms.
    requests = [ask(demo_meter(ea, PAN), 1, 85_740) for ea in (7, 11)]
    made = [token_of(result) for result in module().issue_credit(requests, NOW_US)]
    assert [token.digits for token in made] == ["68934214362957084107", "58625789986991357486"]
    assert made[0].test
    assert made[0].kcv == "0F353D"


def test_a_set_is_answered_in_order_and_a_refusal_hurts_nobody_else() -> None:
    requests = [
        ask(),
        ask(demo_meter(pan=DEMO_PAN[:-1] + "0")),
        ask(replace(demo_meter(), sgc="999999")),
        ask(tenths=18_201_625),
        ask(tid=1 << 24),
        msgspec.structs.replace(ask(), subclass=4),
        ask(tid=TID + 2),
    ]
    results = module().issue_credit(requests, NOW_US)
    kinds = [type(result) for result in results]
    assert kinds == [
        IssuedToken,
        PanCheckDigitError,
        SupplyGroupUnknownError,
        AmountOverflowError,
        VendingKeyExpiredError,
        FieldRangeError,
        IssuedToken,
    ]
    good = [token_of(results[0]), token_of(results[-1])]
    assert good[0].data.tid == TID
    assert good[0].digits != good[1].digits


def test_what_it_makes_it_reads() -> None:
    (result,) = module().issue_credit([ask()], NOW_US)
    token = token_of(result)
    assert module().decode(demo_meter(), token.digits).data == token.data
    assert token.digest == token_digest(DEMO_PAN, token.digits)
    assert module().describe(demo_meter()).base == 2014


def one(keys: list[tuple[KeyRecord, bytes]], request: CreditRequest) -> Result:
    return VirtualModule("m", keys, SAMPLE_TABLES).issue_credit([request], NOW_US)[0]


def test_an_expired_key_makes_no_credit() -> None:
    last = (86 << 16) - 1
    old = [record(ken=85)]
    assert isinstance(one(old, ask(tid=last)), IssuedToken)
    assert isinstance(one(old, ask(tid=last + 1)), VendingKeyExpiredError)
    assert isinstance(one([record(expires="2026-07-29")], ask()), IssuedToken)
    assert isinstance(one([record(expires="2026-07-28")], ask()), VendingKeyExpiredError)


def test_a_default_key_makes_no_credit_but_management() -> None:
    meter = demo_meter(kt=1)
    vendor = VirtualModule("m", [record(kt=1)])
    (refused,) = vendor.issue_credit([ask(meter)], NOW_US)
    assert isinstance(refused, DefaultKeyCreditError)
    (made,) = vendor.issue([TokenRequest(meter, management(5, TID, 1, 0))], NOW_US)
    assert isinstance(made, IssuedToken)


def test_test_keys_and_sample_tables_serve_test_companies_only() -> None:
    strict = module(test_companies=())
    for ea in (7, 11):
        (refused,) = strict.issue_credit([ask(demo_meter(ea))], NOW_US)
        assert isinstance(refused, TestKeyError)
    with pytest.raises(TestKeyError):
        strict.describe(demo_meter())
    real = VirtualModule("m", [record()], SAMPLE_TABLES)
    (refused,) = real.issue_credit([ask(demo_meter(7))], NOW_US)
    assert isinstance(refused, TestKeyError)
    assert "tables" in str(refused)
    without = VirtualModule("m", [record()])
    (refused,) = without.issue_credit([ask(demo_meter(7))], NOW_US)
    assert isinstance(refused, TablesMissingError)


def test_algorithms_must_fit_the_key() -> None:
    meter = replace(demo_meter(11), sgc="123456")
    (refused,) = module().issue_credit([ask(meter)], NOW_US)
    assert isinstance(refused, AlgorithmPairError)
    (made,) = module().issue_credit([ask(replace(meter, ea=7))], NOW_US)
    assert isinstance(made, IssuedToken)


def test_other_tokens_come_one_by_one_and_key_changes_do_not() -> None:
    section = sections(NewKey(bytes(16), 2, "201457", "01", 1, 255), 11)[0]
    requests = [
        TokenRequest(demo_meter(), meter_test(0, (1 << 36) - 1)),
        TokenRequest(demo_meter(), section),
        TokenRequest(demo_meter(), credit(0, TID, 1, 1)),
    ]
    test, refused, plain = module().issue(requests, NOW_US)
    assert token_of(test).digits == "56493153725450313471"
    assert isinstance(refused, KeyChangeRuleError)
    assert isinstance(plain, IssuedToken)


# --- key changes --------------------------------------------------------------------------------


def changer(**new: object) -> VirtualModule:
    new_record = record(krn=2, **new)  # type: ignore[arg-type]
    keys = [record(), new_record, record(sgc="123456", dkga="02", base=1993)]
    return VirtualModule("m", keys, SAMPLE_TABLES, [COMPANY])


def test_a_change_of_base_date_clears_the_memory() -> None:
    new = replace(demo_meter(), krn=2)
    same = changer().issue_key_change(KeyChangeRequest(demo_meter(), new), NOW_US)
    assert len(same) == 4
    assert same[0].data.fields["ro"] == 0
    old = MeterKey(COMPANY, DEMO_PAN, 7, "123456", 1, "01")
    change = KeyChangeRequest(old, replace(new, ea=7), three_tokens=True)
    rolled = changer().issue_key_change(change, NOW_US)
    assert len(rolled) == 3
    assert rolled[0].data.fields["ro"] == 1


@pytest.mark.parametrize(
    ("new", "error"),
    [
        ({"pan": PAN}, KeyChangeRuleError),
        ({"ea": 7}, AlgorithmPairError),
        ({"kt": 3}, KeyChangeRuleError),
        ({"krn": 3}, SupplyGroupUnknownError),
    ],
)
def test_changes_that_cannot_be(new: dict[str, object], error: type[StsError]) -> None:
    change = KeyChangeRequest(demo_meter(), replace(demo_meter(), **new))  # type: ignore[arg-type]
    with pytest.raises(error):
        changer().issue_key_change(change, NOW_US)


def test_no_change_to_an_expired_key_but_from_one() -> None:
    to_new = KeyChangeRequest(demo_meter(), replace(demo_meter(), krn=2))
    with pytest.raises(VendingKeyExpiredError):
        changer(ken=85).issue_key_change(to_new, NOW_US)
    back = KeyChangeRequest(to_new.new, to_new.old)
    assert len(changer(ken=85).issue_key_change(back, NOW_US)) == 4


# --- cache and log ------------------------------------------------------------------------------


def test_the_cache_has_an_end_and_changes_nothing() -> None:
    keys = [record()]
    small = VirtualModule("m", keys, cache_limit=2)
    requests = [ask(replace(demo_meter(), ti=f"{n % 5:02d}")) for n in range(20)]
    first = [token_of(result).digits for result in small.issue_credit(requests, NOW_US)]
    large = VirtualModule("m", keys)
    assert first == [token_of(r).digits for r in large.issue_credit(requests, NOW_US)]
    assert "keys" in repr(small)
    assert "AB" not in repr(small)
    assert small.name == "m"


def test_the_log_shows_what_was_changed() -> None:
    requests = [ask(tid=TID + n * 3) for n in range(6)]
    made = [token_of(result) for result in module().issue_credit(requests, NOW_US)]
    batches = []
    previous = GENESIS
    for start in (0, 2, 4):
        entries = log_entries("virtual-1", start, made[start : start + 2], NOW_US)
        previous = seal(previous, entries)
        batches.append((entries, previous))
    assert first_break(batches) is None
    assert [entry.number for entries, _ in batches for entry in entries] == [1, 2, 3, 4, 5, 6]
    planted = replace(batches[1][0][1], digest="00")
    assert first_break([batches[0], ([batches[1][0][0], planted], batches[1][1])]) == 1
    assert first_break([batches[0], batches[2]]) == 1
    assert first_break([(batches[0][0][:1], batches[0][1])]) == 0
    assert first_break(batches[1:], previous=batches[0][1]) is None
    assert made[0].digits not in str(batches)


@pytest.mark.parametrize("subclass", [4, 5, 6, 7])
@pytest.mark.parametrize("amount", [100, 100_000, 800_000_000, 180_224_000_000])
def test_money_for_a_meter_that_holds_the_tariff(subclass: int, amount: int) -> None:
    """10^-5 of the base currency; the coding rounds up, by less than one part in 1,638."""
    asked = TokenRequest(demo_meter(), currency_credit(subclass, TID, amount))
    token = token_of(module().issue([asked], NOW_US)[0])
    read = module().decode(demo_meter(), token.digits).data
    assert (read.token_class, read.subclass, read.tid) == (0, subclass, TID)
    carried = decode_currency(read.fields["s_and_e"], read.fields["amount"])
    assert amount <= carried < amount + amount / 1_638 + 1
    refused = module().issue_credit([CreditRequest(demo_meter(), TID, 5, 281, subclass)], NOW_US)
    assert isinstance(refused[0], FieldRangeError), "units are never sold as money"
