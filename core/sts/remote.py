"""A security module that is not asked by a call but by messages: a box on the network.

Of its vending keys only the records are known on this side. So what a record says is checked here
before anything is ordered, by the same rules as in the virtual module; the box checks again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.sts.errors import DefaultKeyCreditError
from core.sts.keys import KeyType
from core.sts.keystore import KeyRecord
from core.sts.layouts import CREDIT
from core.sts.module import KeyAddress, MeterKey, check_expiry, check_test, unknown_key


@dataclass(frozen=True, slots=True)
class RemoteModule:
    """``name`` is the channel that speaks to it; ``keys`` are by (SGC, KRN, key type)."""

    name: str
    keys: Mapping[KeyAddress, KeyRecord] = field(default_factory=dict)

    def describe(self, meter: MeterKey, test_company: bool) -> KeyRecord:
        """The vending key's record. Errors: SupplyGroupUnknownError, TestKeyError."""
        record = self.keys.get((meter.sgc, meter.krn, meter.kt))
        if record is None:
            raise unknown_key(meter)
        check_test(record, test_company)
        return record

    def check(self, record: KeyRecord, token_class: int, tid: int, now_us: int) -> None:
        """Whether a token may be ordered under this key now.

        Errors: DefaultKeyCreditError, VendingKeyExpiredError.
        """
        if token_class == CREDIT and record.kt == KeyType.DDTK:
            raise DefaultKeyCreditError(
                "A meter with a default key (DDTK) takes no credit: it needs a key change first.",
                where="kt",
            )
        check_expiry(record, now_us, tid)
