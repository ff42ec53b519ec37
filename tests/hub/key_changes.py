"""A company in the middle of its key changes, for tests: its keys, its meters, what is bought."""

from typing import Any

from msgspec.structs import replace

from core.calendars import local_date
from core.company import Operator, Terms
from core.messages import Answer, DecideTokenAct, MeterLink, NeedKeyChange, RequestTokenAct
from core.sts.keys import KeyIdentity, derive
from core.sts.keystore import DEMO_VK02, DEMO_VK04, KEY_FILE_VERSION, KeyFile, KeyRecord, wrap_key
from core.sts.meter_id import meter_pan
from core.sts.meter_state import MeterModel, Result
from core.sts.module import open_module
from core.sts.sta import SAMPLE_TABLES
from core.sts.tid import BaseDate, base_date
from simulators.meter.device import Coding, Meter
from tests.hub.machine import MASTER, METER, Machine, demo_terms, enrol, pay

#: Supply groups: DKGA04 with base dates 2014 and 2035, DKGA02 of before, and its successor.
NOW, OLD, NEXT = "201457", "123456", "123457"
#: Alice may do everything but ask; Bob approves; Carol goes to the meters; Dora asks.
OPERATORS = {
    "alice": Operator(frozenset({"vending-approver", "meter-technician"})),
    "bob": Operator(frozenset({"vending-approver"})),
    "carol": Operator(frozenset({"meter-technician"})),
    "dora": Operator(frozenset({"vending-supervisor"})),
}
_USES = (
    (NOW, 1, 2, "04", 2014),
    (NOW, 2, 2, "04", 2014),
    (NOW, 3, 2, "04", 2035),
    (NOW, 9, 1, "04", 2014),  # a default key
    (OLD, 1, 2, "02", 1993),
    (OLD, 2, 2, "02", 2014),
    (NEXT, 1, 2, "04", 2014),
)


def keys(code: str = "demo", **expired: str) -> KeyFile:
    """Test keys; ``expired``: supply group and revision (``k201457_2``) with its last day."""
    records = []
    for sgc, krn, kt, dkga, base in _USES:
        last = expired.get(f"k{sgc}_{krn}")
        record = KeyRecord(code, sgc, krn, kt, dkga, base, "", "", expires=last, test=True)
        records.append(wrap_key(MASTER, DEMO_VK02 if dkga == "02" else DEMO_VK04, record))
    return KeyFile(KEY_FILE_VERSION, tuple(records))


def terms(policy: str = "do", expired: dict[str, str] | None = None, **changes: Any) -> Terms:
    """The demo company with these keys and one policy for all of its supply groups."""
    module = open_module("virtual-demo", keys(**(expired or {})), MASTER, SAMPLE_TABLES, {"demo"})
    policies = dict.fromkeys((NOW, OLD, NEXT), policy)
    values: dict[str, Any] = {"module": module, "key_changes": policies, "repeat_minutes": 0}
    values["operators"] = OPERATORS
    return demo_terms(**values | changes)


def coded(
    sgc: str = NOW, ea: int = 11, krn: int = 1, base: BaseDate = BaseDate.Y2014, ti: str = "01",
    model: MeterModel | None = None,
) -> Meter:  # fmt: skip
    """The meter in the customer's hall, as it was coded at the factory."""
    dkga = next(each[3] for each in _USES if each[0] == sgc)
    vk = DEMO_VK02 if dkga == "02" else DEMO_VK04
    identity = KeyIdentity(meter_pan(METER), 2, sgc, ti, krn, base)
    coding = Coding(METER, ea=ea, sgc=sgc, krn=krn, ti=ti, base=base)
    return Meter.coded(coding, model, key=derive(dkga, vk, identity, ea))


def move_in(machine: Machine, meter: Meter, base: int = 2014, money: int = 1_000_000) -> None:
    """The household of this meter, with money."""
    state = meter.state
    dkga = "02" if state.sgc == OLD else "04"
    link = MeterLink(
        drn=METER, sgc=state.sgc, ea=state.model.ea, dkga=dkga, krn=state.krn, ti=state.ti,
        base_year=base_date(base).value,
    )  # fmt: skip
    since = local_date(machine.time.at_us, machine.terms.zone).replace(day=1).isoformat()
    machine.do(enrol(meter=link, since=since), "enrol")
    machine.do(pay(money), "pay")


def wanted(sgc: str = NOW, krn: int = 2, **changes: Any) -> NeedKeyChange:
    """The campaign's command for the one meter."""
    values: dict[str, Any] = {
        "meters": (METER,), "sgc": sgc, "krn": krn, "campaign": "c1", "operator": "alice",
        "reason": "base date",
    }  # fmt: skip
    return NeedKeyChange(**{**values, **changes})


def agreed(machine: Machine, piece: NeedKeyChange) -> NeedKeyChange:
    """The piece with its campaign, for which one has asked and another has approved it."""
    asks, approves = ("dora", "bob") if "dora" in machine.terms.operators else ("mary", "peter")
    at, number = on_file(machine), machine.rows("SELECT count(*) FROM token_act")[0][0]
    campaign = RequestTokenAct(
        operator=asks, kind="campaign", meter="", reason="base date", campaign=piece.campaign,
        sgc=piece.sgc, krn=piece.krn, ti=piece.ti, kt=piece.kt, three_tokens=piece.three_tokens,
        from_sgc=at["sgc"], from_krn=at["krn"],
    )  # fmt: skip
    act = machine.do(campaign, f"campaign {number}").data["act"]
    yes = DecideTokenAct(operator=approves, act=act, decision="approve")
    assert machine.do(yes, f"campaign {number} approved").data["state"] == "done"
    return replace(piece, act=act)


def campaigned(machine: Machine, piece: NeedKeyChange, key: str) -> Answer:
    """What comes of a piece of a campaign that two people agreed on."""
    return machine.do(agreed(machine, piece), key)


def take_all(meter: Meter, answer: Answer, now_us: int, order: Any = tuple) -> list[Result]:
    """Key in the set of a sale (in some order), then its credit; what the display says."""
    tokens = [*order(answer.data.get("kct", ())), answer.data["token"]]
    return [meter.enter(digits, now_us).result for digits in tokens]


def on_file(machine: Machine) -> dict[str, Any]:
    """The meter as it is on file."""
    names = "sgc krn ti kt ken dkga base_year last_tid key_change_id".split()
    (row,) = machine.rows(f"SELECT {', '.join(names)} FROM meter WHERE drn = :d", d=METER)
    return dict(zip(names, row, strict=True))


def change(machine: Machine) -> dict[str, Any]:
    """The newest key change, as a row."""
    names = "state issued ro campaign how note old_last_tid issued_at presumed_at closed_at".split()
    names += ["new_ti", "operator", "three_tokens"]
    rows = machine.rows(f"SELECT {', '.join(names)} FROM key_change ORDER BY id DESC LIMIT 1")
    return dict(zip(names, rows[0], strict=True))


def set_tokens(machine: Machine) -> list[str]:
    """The digits of every set that was ever made."""
    found = machine.rows("SELECT digits FROM token WHERE cause = 'key-change' ORDER BY id")
    return [row[0] for row in found]
