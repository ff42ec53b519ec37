"""Requests that only ask: prices, holders, what is owed, copies, parameters, the list of bills."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from channels.pos import asking
from channels.pos.config import PosConfig
from channels.pos.ended import APPROVED, Ended, Ending
from channels.pos.terminals import Terminal
from channels.pos.translate import Asked, Wrong
from core.refusals import Refusal
from hub.channel import Ports
from hub.deadlines import within

#: Bills that a terminal may carry for a day without the line, over all pages.
MOST_BILLS: Final = 500
_NO_METER: Final = frozenset({"meter-unknown", "meter-length", "meter-check-digit"})


@dataclass(frozen=True, slots=True)
class Enquiries:
    """Asks the books. Nothing is booked, so a failure is said as "come again"."""

    ports: Ports
    config: PosConfig
    ending: Ending

    async def run(self, asked: Asked, terminal: Terminal) -> Ended:
        """How an enquiry ended; never raises."""
        try:
            if asked.operation == "enquiry":
                return await self._enquiry(asked)
            if asked.operation == "reprint":
                return await self._copy(asked)
            if asked.operation == "parameters":
                return await self._parameters(terminal)
            return await self._bills(asked)
        except Wrong as wrong:
            args = {"terminal": asked.terminal, "what": wrong.what}
            return self.ending.refused(wrong.code, args)
        except Exception:
            self.ports.log.exception("pos.query-failed", operation=asked.operation)
            return Ended("away")

    async def _query(self, function: Any, *args: Any) -> Any:
        deadline = self.ports.reactor.seconds() + self.config.answer_s
        return await within(self.ports.reactor, self.ports.query(function, *args), deadline)

    async def _enquiry(self, asked: Asked) -> Ended:
        """A trial vend (meter and amount), whose a meter is, or what an account owes."""
        meter, account = asked.take("meter"), asked.take("account")
        if not meter and not account:
            raise Wrong("meter or account is missing")
        if not meter:
            return self._found(await self._query(asking.bill_at_till, account, asked.agent))
        now, amount = self.ports.now_us(), asked.amount()
        if amount:
            found = await self._query(asking.quote_at_till, asked.agent, meter, amount, now)
        else:
            found = await self._query(asking.meter_at_till, asked.agent, meter, now)
        if isinstance(found, Refusal) and found.code in _NO_METER and account:
            found = await self._query(asking.bill_at_till, account, asked.agent)
        return self._found(found)

    def _found(self, found: Any) -> Ended:
        if isinstance(found, Refusal):
            return self.ending.refusal(found)
        data = msgspec.to_builtins(found)
        if "drn" in data:  # of a meter alone
            data["meter"] = data.pop("drn")
        return Ended(APPROVED, True, data)

    async def _copy(self, asked: Asked) -> Ended:
        """The same digits again, marked as a copy; never a second sale."""
        receipt, meter = asked.take("receipt"), asked.take("meter")
        found = await self._query(asking.copy_of, asked.terminal, receipt, meter)
        if found is None:
            what = f"receipt {receipt}" if receipt else "an earlier sale of this terminal"
            return self.ending.refused("payment-unknown", {"what": what})
        plain = _plain(found)
        data = plain.get("data", plain)
        return self.ending.copy("reprint", data if isinstance(data, Mapping) else plain)

    async def _parameters(self, terminal: Terminal) -> Ended:
        """What the terminal shall work with, and the receipt numbers that it may give alone."""
        series = await self._query(asking.receipts_of, terminal.number)
        extra = {"parameters": parameters_of(terminal.view), "receipts": _rows(series)}
        return Ended(APPROVED, True, {}, {**extra, **said_to(terminal.view)})

    async def _bills(self, asked: Asked) -> Ended:
        """One page of the open bills of the agent's scope: account, name, amount a row."""
        found = await self._query(asking.emergency_list, asked.agent, MOST_BILLS)
        pages = _pages([_row(each) for each in found or ()], self.config.bills_page)
        at = asked.whole("page", 9_999)
        here = pages[at] if at < len(pages) else ""
        follows = str(at + 1) if at + 1 < len(pages) else ""
        return Ended(APPROVED, True, {}, {"bills": here, "next_page": follows})


def parameters_of(view: Any) -> str:
    """``name=value`` a line."""
    given = view.parameters
    found = msgspec.json.decode(given) if isinstance(given, str) and given else given or {}
    return "\n".join(f"{name}={value}" for name, value in sorted(found.items()))


def said_to(view: Any) -> dict[str, str | bytes]:
    """What every answer to a sign-on, an echo or a download tells a terminal."""
    said: dict[str, str | bytes] = {}
    if view.parameters_version:
        said["parameters_version"] = str(view.parameters_version)
    if view.message_number:
        said |= {"message": view.message, "message_number": str(view.message_number)}
    return said


def _plain(found: Any) -> dict[str, Any]:
    plain = msgspec.to_builtins(found)
    return dict(plain) if isinstance(plain, Mapping) else {}


def _row(found: Any) -> str:
    """The values of a row with ``;`` between them, which no value may have."""
    plain = msgspec.to_builtins(found)
    values: Sequence[Any]
    values = list(plain.values()) if isinstance(plain, Mapping) else list(plain)
    return ";".join(str(value).replace(";", " ").replace("\n", " ") for value in values)


def _rows(found: Any) -> str:
    if not found:
        return ""
    several = found if isinstance(found, Sequence) and not isinstance(found, str) else (found,)
    return "\n".join(each if isinstance(each, str) else _row(each) for each in several)


def _pages(rows: Sequence[str], size: int) -> list[str]:
    """Rows in pages of at most ``size`` characters."""
    pages: list[str] = []
    for row in rows:
        if pages and len(pages[-1]) + len(row) < size:
            pages[-1] += f"\n{row}"
        else:
            pages.append(row[:size])
    return pages
