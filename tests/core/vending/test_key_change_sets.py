"""Sets of random meters decode to the key that the meter on file gets, and the meter takes them."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.book import Book, Stage
from core.company import Terms
from core.entities import KeyChange, Meter
from core.handlers.base import Context, Draw
from core.sts.keys import KeyIdentity, derive
from core.sts.keystore import DEMO_VK02, DEMO_VK04, KEY_FILE_VERSION, KeyFile, KeyRecord, wrap_key
from core.sts.meter import enter
from core.sts.meter_id import luhn_digit, meter_pan
from core.sts.meter_state import MeterModel, MeterState, Result
from core.sts.module import open_module
from core.sts.sta import SAMPLE_TABLES
from core.sts.tid import base_date
from core.vending.key_change import Wanted, at_sale, need

MASTER = bytes(range(32))
NOW_US = 1_795_240_800_000_000
SGCS = st.integers(0, 999_999).map(lambda n: f"{n:06d}")
KRNS, BASES, TIS = st.integers(1, 9), st.sampled_from((1993, 2014)), st.integers(1, 99)
KEN = st.integers(150, 255)


@st.composite
def records(draw: st.DrawFn, ea: int) -> KeyRecord:
    dkga = draw(st.sampled_from(("02", "04"))) if ea == 7 else "04"
    return KeyRecord(
        "demo", draw(SGCS), draw(KRNS), 2, dkga, draw(BASES), "", "", ken=draw(KEN), test=True
    )


def key_of(record: KeyRecord, meter: Meter, ti: str) -> bytes:
    vk = DEMO_VK02 if record.dkga == "02" else DEMO_VK04
    base = base_date(record.base)
    identity = KeyIdentity(meter_pan(meter.drn), record.kt, record.sgc, ti, record.krn, base)
    return derive(record.dkga, vk, identity, meter.ea)


def meter_of(record: KeyRecord, serial: int, ea: int, ti: str) -> Meter:
    digits = f"04{serial:08d}"
    return Meter(
        id=1, company="demo", drn=f"{digits}{luhn_digit(digits)}", model="x", state="active",
        block_reason="", max_credit_tenths=99_999, tct="02", ea=ea, dkga=record.dkga,
        sgc=record.sgc, krn=record.krn, ti=ti, ken=record.ken, kt=2, base_year=record.base,
        last_tid=5,
    )  # fmt: skip


def context(old: KeyRecord, new: KeyRecord, meter: Meter, policy: Any = "do") -> Context:
    pairs = [
        wrap_key(MASTER, DEMO_VK02 if record.dkga == "02" else DEMO_VK04, record)
        for record in (old, new)
    ]
    module = open_module(
        "m", KeyFile(KEY_FILE_VERSION, tuple(pairs)), MASTER, SAMPLE_TABLES, {"demo"}
    )
    terms = Terms(
        "demo", "Demo", "UTC", "UGX", 0, module, {}, key_changes={old.sgc: policy}, test=True
    )
    book = Book()
    book.load(meter.drn, meter)
    ids = iter(range(1, 100))
    return Context(terms, Stage(book), Draw(NOW_US, 5, "0000"), lambda _: next(ids), "m1", "sms")


@settings(max_examples=60, deadline=None)
@given(data=st.data(), ea=st.sampled_from((7, 11)), serial=st.integers(0, 99_999_999))
def test_the_set_gives_the_meter_the_key_on_file(data: st.DataObject, ea: int, serial: int) -> None:
    old, new = data.draw(records(ea)), data.draw(records(ea).filter(lambda r: r.base == 2014))
    old_ti, ti = (f"{data.draw(TIS):02d}" for _ in range(2))
    if (old.sgc, old.krn) == (new.sgc, new.krn):
        return
    meter = meter_of(old, serial, ea, old_ti)
    ctx = context(old, new, meter)
    three = ea == 7 and data.draw(st.booleans())
    assert need(ctx, meter, Wanted(new.sgc, new.krn, ti, three_tokens=three, campaign="c"))
    sold = at_sale(ctx, ctx.stage.need(Meter, meter.drn), "")
    assert sold.mark == "first"
    state = MeterState(
        MeterModel(ea, SAMPLE_TABLES), meter_pan(meter.drn), key_of(old, meter, old_ti),
        sgc=old.sgc, krn=old.krn, ti=old_ti, ken=old.ken, tids=(7,),
    )  # fmt: skip
    tokens = list(sold.tokens)
    random.Random(serial).shuffle(tokens)
    results = []
    for digits in tokens:
        state, reaction = enter(state, digits, NOW_US)
        results.append(reaction.result)
    assert results[-1] is Result.ACCEPT
    assert Result.ACCEPT not in results[:-1]
    assert state.key == key_of(new, meter, ti)
    known = "000000" if ea == 7 and not three else new.sgc
    assert (state.sgc, state.krn, state.ti, state.ken) == (known, new.krn, ti, new.ken)
    filed = sold.meter
    assert (filed.sgc, filed.krn, filed.ti, filed.ken) == (new.sgc, new.krn, ti, new.ken)
    assert (filed.dkga, filed.base_year) == (new.dkga, 2014)
    ro = old.base != 2014
    assert (state.tids, filed.last_tid) == (((), -1) if ro else ((7,), 5))


OLD = KeyRecord("demo", "201457", 1, 2, "04", 2014, "", "", test=True)
NEW = KeyRecord("demo", "201457", 2, 2, "04", 2014, "", "", test=True)


def test_the_same_wish_twice_is_one_change() -> None:
    meter = meter_of(OLD, 1, 11, "01")
    ctx = context(OLD, NEW, meter)
    wish = Wanted("201457", 2, campaign="c")
    assert need(ctx, meter, wish)
    assert not need(ctx, ctx.stage.need(Meter, meter.drn), wish)
    assert [table for table, _ in ctx.stage.rows] == ["key_change"]


def test_a_wish_may_change_while_it_waits() -> None:
    meter = meter_of(OLD, 1, 11, "01")
    ctx = context(OLD, NEW, meter)
    need(ctx, meter, Wanted("201457", 2, campaign="c"))
    assert need(ctx, ctx.stage.need(Meter, meter.drn), Wanted("201457", 2, "09", campaign="d"))
    change = ctx.stage.need(KeyChange, 1)
    assert (change.campaign, change.new.ti) == ("d", "09")


@pytest.mark.parametrize(
    ("old", "new", "wish", "code"),
    [
        (OLD, NEW, Wanted("201457", 1), "key-change-same"),
        (OLD, NEW, Wanted("999999", 1), "key-missing"),
        (OLD, NEW, Wanted("201457", 2, kt=3), "key-missing"),
        (OLD, KeyRecord("demo", "123456", 1, 2, "02", 2014, "", "", test=True),
         Wanted("123456", 1), "key-change-impossible"),
        (OLD, KeyRecord("demo", "201457", 1, 3, "04", 2014, "", "", test=True),
         Wanted("201457", 1, kt=3), "key-change-impossible"),
    ],
)  # fmt: skip
def test_keys_that_a_meter_cannot_get(
    old: KeyRecord, new: KeyRecord, wish: Wanted, code: str
) -> None:
    from core.refusals import Refusal

    meter = meter_of(old, 1, 11, "01")
    ctx = context(old, new, meter)
    with pytest.raises(Refusal) as caught:
        need(ctx, meter, wish)
    assert caught.value.code == code
    assert "?" not in caught.value.operator()
    assert ctx.stage.rows == []
