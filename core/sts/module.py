"""The security module: the one place that holds vending keys and makes tokens.

`SecurityModule` is what the business asks; `VirtualModule` does it in software, for tests, virtual
meters and private schemes. A set of requests gives a list of results in the same order: each is a
token, or the refusal of that request alone. Nothing here is retried or remembered beyond the cache
of decoder keys: the caller stores the token with its answer and writes the module's log.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import msgspec

from core.sts.errors import (
    AlgorithmPairError,
    DefaultKeyCreditError,
    KeyChangeRuleError,
    ModuleAwayError,
    StsError,
    SupplyGroupUnknownError,
    TestKeyError,
    VendingKeyExpiredError,
)
from core.sts.key_change import NewKey, check_order, sections
from core.sts.keys import DecoderKeyOf, Ea, KeyIdentity, KeyType, derive
from core.sts.keystore import KeyFile, KeyRecord, Master, unwrap_key
from core.sts.layouts import CREDIT, MANAGEMENT, METER_TEST
from core.sts.module_log import LogEntry, token_digest
from core.sts.sta import SAMPLE_TABLES, Tables
from core.sts.tid import key_expired, tid_at
from core.sts.token import BlockCipher, Decoded, TokenData, cipher_for, credit, decode, encode

# A decoder key's schedule takes about 2 KB under EA07 and 1 KB under EA11: 40 MB at most.
CACHE_LIMIT = 20_000
_STA, _DDTK = Ea.STA, KeyType.DDTK  # as `layouts` has its classes


@dataclass(frozen=True, slots=True)
class MeterKey:
    """Which decoder key a meter has: `pan` 18 digits, `ea` 7 or 11, `ti` two digits."""

    company: str
    pan: str
    ea: int
    sgc: str
    krn: int
    ti: str
    kt: int = KeyType.DUTK


class CreditRequest(msgspec.Struct, frozen=True, gc=False):
    """A credit token: `subclass` 0..3 (electricity, water, gas, time), `tid` from `next_tid`, `rnd`
    0..15 drawn by the caller, `tenths` of the unit (rounded up to what a token carries)."""

    meter: MeterKey
    tid: int
    rnd: int
    tenths: int
    subclass: int = 0


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Any other token: `data` as the functions of `token` make it."""

    meter: MeterKey
    data: TokenData


@dataclass(frozen=True, slots=True)
class KeyChangeRequest:
    """From the key that the meter has to the one that it shall have. The TID memory is cleared
    (RO) when the base date changes; `three_tokens` for EA07 meters that keep their supply group."""

    old: MeterKey
    new: MeterKey
    three_tokens: bool = False


class IssuedToken(msgspec.Struct, frozen=True, gc=False):
    """A token made: its 20 digits, what it says, the KCV of the vending key, whether that is a
    test key, and the digest for the module's log."""

    pan: str
    digits: str
    data: TokenData
    kcv: str
    test: bool
    digest: str


Result = IssuedToken | StsError
#: Which vending key, within a company: supply group, key revision, key type.
KeyAddress = tuple[str, int, int]


class SecurityModule(Protocol):
    """What the business asks of any module; instants are microseconds UTC."""

    @property
    def name(self) -> str:
        """The module's name in its log."""

    def describe(self, meter: MeterKey) -> KeyRecord:
        """The vending key's record (base date, KEN, test mark). Error: SupplyGroupUnknownError."""

    def issue_credit(self, requests: Sequence[CreditRequest], now_us: int) -> list[Result]:
        """Credit tokens for a set of requests, each with its token or its refusal."""

    def issue(self, requests: Sequence[TokenRequest], now_us: int) -> list[Result]:
        """Tokens of any class but key changes."""

    def issue_key_change(self, request: KeyChangeRequest, now_us: int) -> list[IssuedToken]:
        """A whole set. Errors: StsError."""

    def decode(self, meter: MeterKey, digits: str) -> Decoded:
        """What a token says to this meter. Errors: those of `token.decode`."""


class VirtualModule:
    """A security module in software. Not to be shared between threads."""

    def __init__(
        self,
        name: str,
        keys: Iterable[tuple[KeyRecord, bytes | DecoderKeyOf]],
        tables: Tables | None = None,
        test_companies: Iterable[str] = (),
        cache_limit: int = CACHE_LIMIT,
    ) -> None:
        """`keys`: records with their unwrapped vending keys (`open_module` unwraps a file), or
        with the derivation by whoever holds the vending key.

        `test_companies`: those for which test keys and the sample tables of EA07 may be used.
        """
        self._name = name
        keys = list(keys)
        self._keys = {
            (key.company, key.sgc, key.krn, key.kt): (key, _derivation(key, vk)) for key, vk in keys
        }
        self._elsewhere = {
            (key.company, key.sgc, key.krn, key.kt) for key, vk in keys if callable(vk)
        }
        self._prepared: dict[MeterKey, bytes | ModuleAwayError] = {}
        self._tables = tables
        self._test_companies = frozenset(test_companies)
        self._cache: OrderedDict[MeterKey, BlockCipher] = OrderedDict()
        self._cache_limit = cache_limit

    def __repr__(self) -> str:
        return f"VirtualModule({self._name!r}, {len(self._keys)} keys)"

    @property
    def name(self) -> str:
        """The module's name in its log."""
        return self._name

    @property
    def asks_elsewhere(self) -> bool:
        """Whether some vending keys are in another box, which answers in its own time."""
        return bool(self._elsewhere)

    def prepare(self, meters: Iterable[MeterKey], shall: Iterable[MeterKey]) -> None:
        """Ask the other box now for the decoder keys of ``meters``, and for those that meters
        ``shall`` have (a key change says them in clear), where they are not known.

        What is found is kept until the next call. A box that does not answer is asked no more:
        until then whoever needs a key of it gets the same ModuleAwayError, at once.
        """
        self._prepared = {}
        away: ModuleAwayError | None = None
        for meter in (*(each for each in meters if each not in self._cache), *shall):
            if (meter.company, meter.sgc, meter.krn, meter.kt) not in self._elsewhere:
                continue
            try:
                self._prepared[meter] = away or self._derive(meter)
            except ModuleAwayError as error:
                self._prepared[meter] = away = error
            except StsError:
                continue  # the refusal of that request alone, when it comes to it

    def describe(self, meter: MeterKey) -> KeyRecord:
        """The vending key's record. Errors: SupplyGroupUnknownError, TestKeyError."""
        return self._entry(meter)[0]

    def _entry(self, meter: MeterKey) -> tuple[KeyRecord, DecoderKeyOf]:
        found = self._keys.get((meter.company, meter.sgc, meter.krn, meter.kt))
        if found is None:
            raise unknown_key(meter)
        check_test(found[0], meter.company in self._test_companies)
        return found

    def _derive(self, meter: MeterKey) -> bytes:
        record, decoder_key = self._entry(meter)
        prepared = self._prepared.get(meter)
        if isinstance(prepared, bytes):
            return prepared
        if prepared is not None:
            raise ModuleAwayError(str(prepared), where=prepared.where)
        identity = KeyIdentity(
            meter.pan, meter.kt, meter.sgc, meter.ti, meter.krn, record.base_date
        )
        return decoder_key(identity, meter.ea)

    def _cipher(self, meter: MeterKey) -> BlockCipher:
        cipher = self._cache.get(meter)
        if cipher is not None:
            self._cache.move_to_end(meter)
            return cipher
        self._check_tables(meter)
        cipher = cipher_for(meter.ea, self._derive(meter), self._tables)
        self._cache[meter] = cipher
        if len(self._cache) > self._cache_limit:
            self._cache.popitem(last=False)
        return cipher

    def _check_tables(self, meter: MeterKey) -> None:
        sample = meter.ea == _STA and self._tables == SAMPLE_TABLES
        if sample and meter.company not in self._test_companies:
            raise TestKeyError(
                f"EA07 has only the sample tables here, and {meter.company} is not marked as test: "
                "name the licensed tables' file in [sts] tables.",
                where="tables",
            )

    def issue_credit(self, requests: Sequence[CreditRequest], now_us: int) -> list[Result]:
        """Credit tokens for a set of requests, each with its token or its refusal."""
        results: list[Result] = []
        for ask in requests:
            try:
                data = credit(ask.subclass, ask.tid, ask.rnd, ask.tenths)
                results.append(self._make(ask.meter, data, now_us))
            except StsError as refusal:
                results.append(refusal)
        return results

    def issue(self, requests: Sequence[TokenRequest], now_us: int) -> list[Result]:
        """Tokens of any class but key changes, each with its token or its refusal."""
        results: list[Result] = []
        for ask in requests:
            try:
                if ask.data.token_class == MANAGEMENT and ask.data.tid is None:
                    raise KeyChangeRuleError("Key changes are made as whole sets.", where="data")
                results.append(self._make(ask.meter, ask.data, now_us))
            except StsError as refusal:
                results.append(refusal)
        return results

    def _make(self, meter: MeterKey, data: TokenData, now_us: int) -> IssuedToken:
        if data.token_class == METER_TEST:
            return _issued(meter.pan, encode(data, None), data, None)
        record = self._entry(meter)[0]
        if data.token_class == CREDIT and meter.kt == _DDTK:
            raise DefaultKeyCreditError(
                "A meter with a default key (DDTK) takes no credit: it needs a key change first.",
                where="kt",
            )
        check_expiry(record, now_us, data.tid or 0)
        return _issued(meter.pan, encode(data, self._cipher(meter)), data, record)

    def issue_key_change(self, request: KeyChangeRequest, now_us: int) -> list[IssuedToken]:
        """A whole set, in the order of its sections; an expired old key may still make one.

        Errors: KeyChangeRuleError, AlgorithmPairError, VendingKeyExpiredError for the new key, and
        those of finding either key.
        """
        old, new = request.old, request.new
        _check_change(old, new)
        old_record, new_record = self._entry(old)[0], self._entry(new)[0]
        self._check_tables(new)
        check_expiry(new_record, now_us, tid_at(now_us, new_record.base_date))
        wanted = NewKey(
            key=self._derive(new),
            kt=new.kt,
            sgc=new.sgc,
            ti=new.ti,
            krn=new.krn,
            ken=new_record.ken,
            roll_over=old_record.base != new_record.base,
        )
        parts = sections(wanted, new.ea, three_tokens=request.three_tokens)
        cipher = self._cipher(old)
        return [_issued(old.pan, encode(part, cipher), part, old_record) for part in parts]

    def decode(self, meter: MeterKey, digits: str) -> Decoded:
        """What a token says to this meter. Errors: of `token.decode` and of finding the key."""
        return decode(digits, self._cipher(meter))


def open_module(
    name: str,
    file: KeyFile,
    master: Master,
    tables: Tables | None = None,
    test_companies: Iterable[str] = (),
) -> VirtualModule:
    """A virtual module with the keys of a file. Errors: KeyFileError, KeyLengthError."""
    keys = [(record, unwrap_key(master, record)) for record in file.keys]
    return VirtualModule(name, keys, tables, test_companies)


def _derivation(record: KeyRecord, vk: bytes | DecoderKeyOf) -> DecoderKeyOf:
    return vk if callable(vk) else partial(derive, record.dkga, vk)


def _check_change(old: MeterKey, new: MeterKey) -> None:
    if (old.company, old.pan) != (new.company, new.pan):
        raise KeyChangeRuleError("A key change is for one meter of one company.", where="pan")
    if old.ea != new.ea:
        raise AlgorithmPairError("Tokens cannot change a meter's encryption algorithm.", where="ea")
    check_order(old.kt, new.kt)


def unknown_key(meter: MeterKey) -> SupplyGroupUnknownError:
    """There is no record of the key that this meter needs."""
    return SupplyGroupUnknownError(
        f"There is no vending key for supply group {meter.sgc}, key revision {meter.krn}, "
        f"key type {meter.kt} of company {meter.company}.",
        where="sgc",
        evidence=meter.sgc,
    )


def check_test(record: KeyRecord, test_company: bool) -> None:
    """A test key is for test companies. Error: TestKeyError."""
    if record.test and not test_company:
        raise TestKeyError(
            f"The key of {record.name} is a test key, and the company is not marked as test.",
            where="company",
        )


def check_expiry(record: KeyRecord, now_us: int, tid: int) -> None:
    """Whether a key may make a token of this date now. Error: VendingKeyExpiredError."""
    if key_expired(tid, record.ken):
        raise VendingKeyExpiredError(
            f"The key of {record.name} has expired for tokens of this date (KEN {record.ken}).",
            where="ken",
            evidence=str(tid),
        )
    until = record.expires_us()
    if until is not None and now_us >= until:
        raise VendingKeyExpiredError(
            f"The key of {record.name} was to be used until {record.expires}.", where="expires"
        )


def _issued(pan: str, digits: str, data: TokenData, record: KeyRecord | None) -> IssuedToken:
    kcv, test = (record.kcv, record.test) if record else ("", False)
    return IssuedToken(pan, digits, data, kcv, test, token_digest(pan, digits))


def log_entries(
    module: str, count: int, issued: Iterable[IssuedToken], at_us: int
) -> list[LogEntry]:
    """The log's entries for tokens made after the module's first `count` ones."""
    return [
        LogEntry(
            module=module,
            number=count + place,
            at_us=at_us,
            pan=token.pan,
            token_class=token.data.token_class,
            subclass=token.data.subclass,
            tid=token.data.tid,
            kcv=token.kcv,
            digest=token.digest,
        )
        for place, token in enumerate(issued, start=1)
    ]
