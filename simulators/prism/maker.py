"""Makes the real tokens of the calls, with test keys: what is in the box, without its door."""

from dataclasses import dataclass

import msgspec

from adapters.prismtoken.api import (
    MeterConfigAdvice,
    MeterConfigAmendment,
    MeterConfigIn,
    MeterTestToken,
    Token,
    VerifyResult,
)
from adapters.prismtoken.calls import (
    EXTERNAL_CLOCK,
    SPECIAL_RESERVED,
    TID_ADJUST_BDT,
    IssueCreditToken,
    IssueMeterTestToken,
    IssueMseToken,
    VerifyToken,
)
from core.sts.amounts import encode_units
from core.sts.errors import StsError, SupplyGroupUnknownError, TokenCrcError
from core.sts.keystore import KeyRecord, demo_keys
from core.sts.layouts import KEY_CHANGES, Management, TokenClass, is_currency
from core.sts.meter_id import PAN_LENGTH, MeterId, parse_drn, parse_pan
from core.sts.module import (
    IssuedToken,
    KeyChangeRequest,
    MeterKey,
    TokenRequest,
    VirtualModule,
    open_module,
)
from core.sts.sta import SAMPLE_TABLES
from core.sts.tid import MINUTE_US, BaseDate, next_tid, special_tid, tid_at
from core.sts.token import TokenData, credit, currency_credit, management, meter_test
from simulators.prism.answers import ApiFault, advice_of, out_of_range, test_token_of, token_of

COMPANY = "demo"
_MASTER = bytes(32)  # wraps keys that are printed in public samples
_NOBODY = "00000000000"  # the number of no meter, for tokens that any meter takes
_SECOND_US = 1_000_000


def test_module(name: str) -> VirtualModule:
    """A module with the public test keys and sample tables."""
    return open_module(name, demo_keys(_MASTER, COMPANY), _MASTER, SAMPLE_TABLES, [COMPANY])


@dataclass(frozen=True, slots=True)
class Job:
    """A meter of a call: its configuration, identity and present key."""

    config: MeterConfigIn
    meter: MeterId
    key: MeterKey


class Maker:
    """Tokens of one virtual module; it keeps the last TID of each meter, as the real one does."""

    def __init__(self, module: VirtualModule, name: str) -> None:
        self.module = module
        self.name = name
        self.last_tids: dict[str, int] = {}

    def job(self, config: MeterConfigIn) -> Job:
        """The meter of a configuration. Errors: ApiFault, StsError."""
        meter = parse_pan(config.drn) if len(config.drn) == PAN_LENGTH else parse_drn(config.drn)
        return Job(config, meter, self._key(config, meter))

    def _key(self, config: MeterConfigIn, meter: MeterId) -> MeterKey:
        checks = {
            "ea": (config.ea, config.ea in (7, 11), "7 or 11"),
            "tct": (config.tct, 0 <= config.tct <= 99, "0-99"),
            "sgc": (config.sgc, 0 <= config.sgc <= 999_999, "0-999999"),
            "krn": (config.krn, 1 <= config.krn <= 9, "1-9"),
            "ti": (config.ti, 0 <= config.ti <= 99, "0-99"),
            "ken": (config.ken, 0 <= config.ken <= 255, "0-255"),
        }
        for name, (got, good, expected) in checks.items():
            if not good:
                raise out_of_range(name, got, expected)
        return MeterKey(
            COMPANY, meter.pan, config.ea, f"{config.sgc:06d}", config.krn, f"{config.ti:02d}"
        )

    # --- tokens --------------------------------------------------------------------------------

    def credit(self, call: IssueCreditToken, rnd: int, now_us: int) -> list[Token]:
        """The key change set where one is due, and the credit. Errors: ApiFault, StsError."""
        return self._with_change(call, rnd, now_us, TokenClass.CREDIT)

    def management(self, call: IssueMseToken, rnd: int, now_us: int) -> list[Token]:
        """The key change set where one is due, and the management token."""
        if call.subclass in KEY_CHANGES:
            raise out_of_range("subclass", call.subclass, "one that is no key change")
        return self._with_change(call, rnd, now_us, TokenClass.MANAGEMENT)

    def _with_change(
        self, call: IssueCreditToken | IssueMseToken, rnd: int, now_us: int, kind: TokenClass
    ) -> list[Token]:
        job = self.job(call.meter_config)
        target = self._due(job, call.meter_config.new_config)
        new = job if target is None else self.job(target)
        record = self.module.describe(new.key)
        tid = self._tid(call, new, record.base_date, now_us)
        data = _data(kind, call, tid, rnd)
        sections = [] if target is None else self.change(job, new, now_us)
        (made,) = self.module.issue([TokenRequest(new.key, data)], now_us)
        if isinstance(made, StsError):
            raise made
        self.last_tids[new.meter.pan] = max(tid, self.last_tids.get(new.meter.pan, 0))
        return [*sections, self._told(made, new)]

    def change_asked(
        self, config: MeterConfigIn, amendment: MeterConfigAmendment, now_us: int
    ) -> list[Token]:
        """A key change set by itself."""
        job = self.job(config)
        target = self._due(job, amendment) or self._amended(config, amendment)
        return self.change(job, self.job(target), now_us)

    def change(self, old: Job, new: Job, now_us: int) -> list[Token]:
        """The set from one configuration to another, with its advice in the first section."""
        three = old.config.allow_3_kct and old.config.ea == 7
        made = self.module.issue_key_change(KeyChangeRequest(old.key, new.key, three), now_us)
        first, *others = [self._told(one, old) for one in made]
        return [msgspec.structs.replace(first, new_config=self._advice(old, new)), *others]

    def _advice(self, old: Job, new: Job) -> MeterConfigAdvice:
        before, after = self.module.describe(old.key), self.module.describe(new.key)
        rollover = before.base != after.base
        return advice_of(new.config, new.meter, after.ken, after.kcv, rollover=rollover)

    def test(self, call: IssueMeterTestToken, now_us: int) -> MeterTestToken:
        """A class 1 token."""
        meter = parse_drn(_NOBODY)
        key = MeterKey(COMPANY, meter.pan, 11, "000000", 1, "00")
        data = meter_test(call.subclass, call.control, call.mfrcode)
        (made,) = self.module.issue([TokenRequest(key, data)], now_us)
        if isinstance(made, StsError):
            raise made
        return test_token_of(made, meter)

    def verify(self, call: VerifyToken) -> VerifyResult:
        """Reads a token under the meter's key."""
        job = self.job(call.meter_config)
        try:
            decoded = self.module.decode(job.key, call.token_dec)
        except TokenCrcError:
            return VerifyResult("EVerify.Crc")
        except SupplyGroupUnknownError:
            raise
        except StsError as error:
            raise out_of_range("tokenDec", "…", error.sentence) from error
        if decoded.data.token_class == TokenClass.METER_TEST:
            raise out_of_range("tokenDec", "…", "a token of class 0 or 2")
        record = self.module.describe(job.key)
        if decoded.data.tid is not None and decoded.data.tid >> 16 > record.ken:
            return VerifyResult("EVerify.KeyExpired")
        shown = IssuedToken(job.meter.pan, call.token_dec, decoded.data, record.kcv, True, "")
        return VerifyResult("EVerify.Ok", self._told(shown, job))

    def _told(self, issued: IssuedToken, job: Job) -> Token:
        return token_of(issued, job.key, job.meter, job.config.tct, self.name)

    # --- keys and times ------------------------------------------------------------------------

    def _due(self, job: Job, amendment: MeterConfigAmendment | None) -> MeterConfigIn | None:
        """The configuration after the key change that is due; None when none is."""
        config = job.config
        target = config if amendment is None else self._amended(config, amendment)
        if config.allow_krn_update:
            target = msgspec.structs.replace(target, krn=self._latest(target, job.meter))
        record = self._record(target, job.meter)
        stale = config.allow_ken_update and record.ken != config.ken
        same = (target.sgc, target.krn, target.ti) == (config.sgc, config.krn, config.ti)
        return None if same and not stale else target

    def _amended(self, config: MeterConfigIn, to: MeterConfigAmendment) -> MeterConfigIn:
        return msgspec.structs.replace(config, sgc=to.to_sgc, krn=to.to_krn, ti=to.to_ti)

    def _record(self, config: MeterConfigIn, meter: MeterId) -> KeyRecord:
        return self.module.describe(self._key(config, meter))

    def _latest(self, config: MeterConfigIn, meter: MeterId) -> int:
        for krn in range(9, config.krn, -1):
            try:
                self._record(msgspec.structs.replace(config, krn=krn), meter)
            except SupplyGroupUnknownError:
                continue
            return krn
        return config.krn

    def _tid(
        self, call: IssueCreditToken | IssueMseToken, job: Job, base: BaseDate, now_us: int
    ) -> int:
        flags = call.flags
        if flags & ~7 or (flags & TID_ADJUST_BDT and flags != TID_ADJUST_BDT):
            raise out_of_range("flags", flags, "1, 2, 4 or 5")
        if flags & TID_ADJUST_BDT:
            tid = call.token_time - (base.start_us - BaseDate.Y1993.start_us) // MINUTE_US
            if tid < 0:
                raise ApiFault("ESts.VkBeforeBdt", "the TID lies before the key's base date")
            return tid
        at_us = call.token_time * _SECOND_US if flags & EXTERNAL_CLOCK else now_us
        if flags & SPECIAL_RESERVED:
            return special_tid(at_us, base)
        return next_tid(tid_at(at_us, base), self.last_tids.get(job.meter.pan))


def _data(
    kind: TokenClass, call: IssueCreditToken | IssueMseToken, tid: int, rnd: int
) -> TokenData:
    amount = call.transfer_amount
    if is_currency(kind, call.subclass):
        if not abs(amount) < 1e10:
            raise out_of_range("transferAmount", amount, "less than 10^10 from this simulator")
        return currency_credit(call.subclass, tid, round(amount * 100_000))
    if not 0 <= amount <= 18_201_624 or amount != int(amount):
        raise out_of_range("transferAmount", amount, "an integer from 0 to 18201624")
    if kind is TokenClass.CREDIT:
        return credit(call.subclass, tid, rnd, int(amount))
    value = int(amount)
    if call.subclass in (Management.POWER_LIMIT, Management.UNBALANCE_LIMIT):
        value = encode_units(value)
    if call.subclass == Management.EXTENDED_SET:
        fields = {"rnd": rnd, "tid": tid, "index": value >> 10, "control": value & 0x3FF}
        return TokenData(kind, call.subclass, fields)
    return management(call.subclass, tid, rnd, value)
