"""Reading the inputs of a vector: each field is named when it is missing, odd or left over."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from core.sts.errors import ConformShapeError
from core.sts.keys import Ea, KeyIdentity, check_ea, derive
from core.sts.sta import SAMPLE_TABLES, Tables
from core.sts.tid import MINUTE_US, base_date, special_tid, tid_at
from core.sts.token import BlockCipher, cipher_for

_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d", re.ASCII)
# Remarks that some sources put beside the inputs; they change nothing.
_REMARKS = frozenset(("note", "fitted", "fields", "register", "comment"))


class LiveTablesNeeded:
    """Stands for a value that only the licensed tables could give."""


NEEDS_LIVE_TABLES: Final = LiveTablesNeeded()


class Inputs:
    """The inputs of one vector, with the tables at hand; remembers which fields were asked for."""

    def __init__(self, raw: Any, expected: Mapping[str, Any], tables: Tables | None) -> None:
        if not isinstance(raw, Mapping):
            raise ConformShapeError("inputs is an object.", where="inputs")
        self._raw = raw
        self._asked: set[str] = set()
        self._live = tables
        self.expected = expected

    def __contains__(self, name: str) -> bool:
        return name in self._raw

    def get(self, *names: str) -> Any:
        """The field with the first of these names. Error: ConformShapeError when none is there."""
        for name in names:
            if name in self._raw:
                self._asked.add(name)
                return self._raw[name]
        raise ConformShapeError(f"The input {' or '.join(names)} is missing.", where=names[0])

    def maybe(self, name: str, default: Any) -> Any:
        """The field, or `default`."""
        return self.get(name) if name in self._raw else default

    def integer(self, name: str) -> int:
        """A whole number; a truth value is not one."""
        return _integer(self.get(name), name)

    def flag(self, name: str) -> bool:
        """A truth value, also as 0 or 1; absent is false."""
        value = self.maybe(name, False)
        if value not in (0, 1):
            raise ConformShapeError(f"{name} is true or false.", where=name, evidence=str(value))
        return bool(value)

    def text(self, *names: str) -> str:
        """A text field."""
        value = self.get(*names)
        if not isinstance(value, str):
            raise ConformShapeError(f"{names[0]} is a text.", where=names[0], evidence=str(value))
        return value

    def hexadecimal(self, *names: str) -> int:
        """A number in hex text."""
        return int(self.text(*names), 16)

    def check_all_known(self) -> None:
        """Error: ConformShapeError for a field that nobody asked for."""
        left = sorted(set(self._raw) - self._asked - _REMARKS)
        if left:
            raise ConformShapeError(f"Unknown input {left[0]!r}.", where=left[0])

    def tid(self) -> int:
        """`tid`, or the TID of `time_utc` and `base_year` (with `special_reserved`)."""
        if "tid" in self:
            return self.integer("tid")
        at_us = _instant(self.text("time_utc"))
        base = base_date(self.integer("base_year"))
        return special_tid(at_us, base) if self.flag("special_reserved") else tid_at(at_us, base)

    def key(self, name: str) -> bytes:
        """A decoder key: hex, or what it is derived from."""
        value = self.get(name)
        if isinstance(value, str):
            return bytes.fromhex(value)
        if not isinstance(value, Mapping):
            raise ConformShapeError(f"{name} is hex or an object.", where=name)
        part = Inputs(value, {}, None)
        vk, identity = bytes.fromhex(part.text("vk")), part.identity()
        key = derive(part.text("dkga"), vk, identity, part.maybe("ea", self.integer("ea")))
        part.check_all_known()
        return key

    def identity(self) -> KeyIdentity:
        """What a decoder key is made for."""
        bdt = self.maybe("bdt", None)
        return KeyIdentity(
            pan=self.text("pan"),
            kt=self.integer("kt"),
            sgc=self.text("sgc"),
            ti=self.text("ti"),
            krn=self.integer("krn"),
            base=None if bdt is None else base_date(int(bdt)),
        )

    def cipher(self, key: bytes) -> BlockCipher | None:
        """The cipher of `key` under `ea` and `sta_tables`; None when it needs absent tables."""
        ea = check_ea(self.integer("ea"))
        if "sta_tables" not in self:
            # Sources of real meters' tokens rarely say it: such an entry means the live tables.
            tables = self._live
        elif (which := self.text("sta_tables")) in ("sample", "live"):
            tables = SAMPLE_TABLES if which == "sample" else self._live
        else:
            raise ConformShapeError("sta_tables is sample or live.", where="sta_tables")
        if ea is Ea.STA and tables is None:
            return None
        return cipher_for(ea, key, tables)


def _integer(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConformShapeError(f"{name} is a whole number.", where=name, evidence=str(value))
    return value


def _instant(text: str) -> int:
    """Microseconds UTC of `YYYY-MM-DD HH:MM`."""
    if not _TIME.fullmatch(text):
        raise ConformShapeError("A time is YYYY-MM-DD HH:MM.", where="time_utc", evidence=text)
    since = datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC) - datetime(
        1970, 1, 1, tzinfo=UTC
    )
    return (since.days * 1440 + since.seconds // 60) * MINUTE_US
