"""Last TIDs at a cut-over: the list as it is read and checked, and the act that writes them.

The list is CSV with a header. ``meter`` and ``time`` (the last token's, as the old system's clock
showed it), with ``zone`` where it is not that of the whole list; or ``meter``, ``tid`` and ``base``
(the year of the base date that this TID counts from). Everything wrong is named with line and
field before anything is written.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.company import Terms
from core.store.tx import Reader, Tx, Update
from core.sts.errors import StsError
from core.sts.meter_id import parse_drn
from core.sts.tid import base_date, time_of
from core.vending.act_kinds import Role
from core.vending.last_tids import Clock, KnownMeter, taken_over, wrong_with
from hub import audit
from hub.audit import Act
from hub.chores import Chores
from hub.control import ControlError
from hub.operators import Identity

COLUMNS = ("meter", "time", "zone", "tid", "base")
#: Rows of one transaction: their meters are locked together, and sales to them wait.
AT_ONCE = 1_000
#: Meters of one list; a larger installation cuts it by district.
MAX_ROWS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class LastToken:
    """A row of the list: the meter, and the instant of its last token (µs UTC)."""

    line: int
    field: str
    drn: str
    at_us: int


class _WrongError(ValueError):
    """What is wrong with a field."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")


#: What is wrong: the line, and ``field: why``.
Wrong = tuple[int, str]


def parse(text: str, zone: str) -> tuple[list[LastToken], list[Wrong]]:
    """The rows, and everything that is wrong.

    ``zone``: of times that name none. Of a time that comes twice (clocks set back) the later one is
    meant: a TID that is too high costs nothing, one that is too low a refused token.
    """
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if ";" in first else ",")
    names = [name.strip() for name in reader.fieldnames or ()]
    strange = [name for name in names if name not in COLUMNS]
    if strange or "meter" not in names or not {"time", "tid"} & set(names):
        known = ", ".join(COLUMNS)
        return [], [(1, f"a header is needed, of meter and time or tid (known: {known})")]
    reader.fieldnames = names
    rows: list[LastToken] = []
    problems: list[Wrong] = []
    seen: dict[str, int] = {}
    for values in reader:
        line = reader.line_num
        try:
            row = _row(line, values, zone)
            earlier = seen.setdefault(row.drn, line)
            if earlier != line:
                raise _WrongError("meter", f"{row.drn} stands at line {earlier} already")
            rows.append(row)
        except _WrongError as error:
            problems.append((line, str(error)))
        if len(rows) > MAX_ROWS:
            return [], [(line, f"more than {MAX_ROWS:,} meters; cut the list")]
    return rows, problems


def _row(line: int, values: Mapping[Any, Any], zone: str) -> LastToken:
    if None in values or None in values.values():
        raise _WrongError("line", "it has not as many fields as the header")
    given = {name: str(value).strip() for name, value in values.items()}
    drn = given["meter"]
    try:
        parse_drn(drn)
    except StsError as error:
        raise _WrongError("meter", str(error)) from error
    time, tid = given.get("time", ""), given.get("tid", "")
    if bool(time) == bool(tid):
        raise _WrongError("time", "a row has either a time, or a tid and its base")
    if time:
        return LastToken(line, "time", drn, _instant(time, given.get("zone", "") or zone))
    return LastToken(line, "tid", drn, _instant_of_tid(tid, given.get("base", "")))


def _instant(time: str, zone: str) -> int:
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        raise _WrongError("time", f"{time!r} is no time such as 2026-10-31 23:59") from None
    if len(time) <= len("2026-10-31"):
        raise _WrongError("time", f"{time!r} is a day without a time")
    if moment.tzinfo is None:
        try:
            moment = moment.replace(tzinfo=ZoneInfo(zone), fold=1)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise _WrongError("zone", f"there is no zone {zone!r}") from None
    return (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND


def _instant_of_tid(tid: str, base: str) -> int:
    if not (tid.isascii() and tid.isdigit()):
        raise _WrongError("tid", f"{tid!r} is no number")
    if not (base.isascii() and base.isdigit()):
        raise _WrongError("base", "a tid needs the year of its base date")
    try:
        year = base_date(int(base))
    except StsError as error:
        raise _WrongError("base", str(error)) from error
    try:
        return time_of(int(tid), year)
    except StsError as error:
        raise _WrongError("tid", str(error)) from error


def problems_with(
    reader: Reader, company: str, rows: Sequence[LastToken], clock: Clock
) -> Iterator[Wrong]:
    """What the meters on file say against the rows."""
    for at in range(0, len(rows), AT_ONCE):
        piece = rows[at : at + AT_ONCE]
        meters = _meters(reader, company, [row.drn for row in piece])
        for row in piece:
            meter = meters.get(row.drn)
            if meter is None:
                yield row.line, f"meter: no meter {row.drn} in {company}"
            elif why := wrong_with(meter, row.at_us, clock):
                yield row.line, f"{row.field}: {why}"


def _meters(
    reader: Reader, company: str, drns: Sequence[str], *, lock: bool = False
) -> dict[str, KnownMeter]:
    suffix = " FOR UPDATE" if lock else ""
    rows = reader.rows(
        "SELECT id, drn, base_year, last_tid FROM meter "
        f"WHERE company = :company AND drn IN :drns ORDER BY id{suffix}",
        company=company,
        drns=list(drns),
    )
    return {row[1]: KnownMeter(*row) for row in rows}


@dataclass(frozen=True, slots=True)
class LastTidDesk:
    """The verb ``last-tids`` of the control socket."""

    identity: Identity
    chores: Chores
    terms: Mapping[str, Terms]
    writer: str
    now_us: Callable[[], int]

    def take_over(self, request: dict[str, Any]) -> Any:
        """``company``, ``rows`` ([meter, instant] …), ``reason``, ``list``, ``operator``,
        ``secret``: all of the rows or none, with a row of the audit trail."""
        name, terms = str(request.get("operator", "")), self._terms(request)
        self.identity.check(name, str(request.get("secret", "")))
        known = terms.operators.get(name)
        if known is None or Role.SUPERVISOR not in known.roles:
            raise ControlError(f"operator {name} needs the role {Role.SUPERVISOR}")
        reason = str(request.get("reason", "")).strip()
        if not reason:
            raise ControlError("say why: a reason is kept in the audit trail")
        rows = _asked(request)
        return self.chores.do(lambda tx: self._write(tx, request, terms, rows))

    def _terms(self, request: dict[str, Any]) -> Terms:
        found = self.terms.get(str(request.get("company", "")))
        if found is None:
            raise ControlError(f"no company {request.get('company')}")
        return found

    def _write(
        self, tx: Tx, request: dict[str, Any], terms: Terms, rows: dict[str, int]
    ) -> dict[str, int]:
        now = self.now_us()
        meters = _meters(tx, terms.code, list(rows), lock=True)
        clock = Clock(now, terms.token_ahead_minutes)
        raised: list[tuple[int, int]] = []
        for drn, at_us in rows.items():
            meter = meters.get(drn)
            if meter is None:
                raise ControlError(f"no meter {drn} in {terms.code}; nothing of this is written")
            try:
                after = taken_over(meter, at_us, clock)
            except StsError as error:
                raise ControlError(f"meter {drn}: {error} Nothing of this is written") from error
            if after > meter.last_tid:
                raised.append((meter.id, after))
        if raised:
            tx.write([Update("meter", ("id", "last_tid"), sorted(raised))])
        told = {"rows": len(rows), "raised": len(raised), "unchanged": len(rows) - len(raised)}
        detail = {**told, "company": terms.code, "reason": str(request["reason"]).strip()}
        actor = str(request.get("actor", "")) or "unknown"
        act = Act(actor, "last-tids", f"list/{str(request.get('list', ''))[:100]}", detail)
        audit.append(tx, self.writer, [act], now)
        return told


def _asked(request: dict[str, Any]) -> dict[str, int]:
    given = request.get("rows")
    if not isinstance(given, list) or not 0 < len(given) <= AT_ONCE:
        raise ControlError(f"rows: 1 to {AT_ONCE} of them")
    rows: dict[str, int] = {}
    for each in given:
        match each:
            case [str(drn), int(at_us)] if drn not in rows:
                rows[drn] = at_us
            case _:
                raise ControlError("rows: each is a meter, once, and the instant of its last token")
    return rows
