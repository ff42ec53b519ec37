"""The cases inside a dialect's ``service``: octets → canonical message, answer → octets."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from adapters.iso8583.document import DialectDocument
from adapters.iso8583.errors import IsoError
from adapters.iso8583.message import Message as Iso
from channels.pos import days
from channels.pos.ended import Ending
from channels.pos.printing import Printer
from channels.pos.profile import Profile, ProfileDocument, ServiceCase, load
from channels.pos.reply import Reply, octets
from channels.pos.translate import Asked, Wrong, canonical
from channels.pos.values import Facts
from core.documents import DocumentError, Problem, read
from core.messages import Answer, Outcome
from core.messages.base import name_of
from core.money import CURRENCIES
from hub import iso8583
from hub.msisdn import e164
from hub.texts import Texts, read_folder


class CaseCompany(msgspec.Struct, frozen=True):
    """The company of cases."""

    currency: str
    exponent: int
    code: str = "demo"
    name: str = "Demo Power"
    zone: str = "UTC"
    languages: tuple[str, ...] = ("en",)
    test: bool = False
    country_code: str = "256"
    help_line: str = "0800 100 100"
    wallets: Any = None  # no case pays by one


def linted(text: str, source: str = "pos") -> None:
    """Checks a file: the dialect, and its service if it has one. DocumentError."""
    if _serves(text, source):
        load(text, source)
    else:
        iso8583.load(text, source)


def _serves(text: str, source: str) -> bool:
    """A dialect for a look at octets alone has no service."""
    return read(text, DialectDocument, source).value.service is not None


def checked(text: str, source: str = "pos") -> int:
    """Runs the cases of a file's service; their number. DocumentError: what fails, by line."""
    if not _serves(text, source):
        return 0
    profile = load(text, source)
    document = read(text, ProfileDocument, source)
    found: list[Problem] = [
        document.problem(f"service.cases[{at}]", f"{case.name}: {why}")
        for at, case in enumerate(profile.service.cases)
        for why in run(profile, case)
    ]
    if found:
        raise DocumentError(found)
    return len(profile.service.cases)


def run(profile: Profile, case: ServiceCase) -> Iterator[str]:
    """What is wrong with one case, a sentence each."""
    try:
        request = profile.dialect.codec.decode(bytes.fromhex(case.request))
    except (IsoError, ValueError) as error:
        yield f"its request is not read: {error}"
        return
    operation = profile.operation(request)
    if operation != case.operation:
        yield f"operation: expected {case.operation}, got {operation}"
        return
    company = CaseCompany(case.currency, CURRENCIES[case.currency].exponent)
    now_us = int(datetime.fromisoformat(case.at).timestamp()) * 1_000_000
    if case.type:
        yield from _message(case, asked_of(profile, request, company, now_us))
    if case.outcome:
        yield from _reply(profile, case, request, company, now_us)


def asked_of(profile: Profile, request: Iso, company: CaseCompany, now_us: int) -> Asked:
    """A request of the terminal that cases have: agent A-1's, nobody signed on."""
    now = days.local(now_us, ZoneInfo(company.zone))
    said = days.Said.of(*(profile.take(request, name) for name in ("date", "time", "datetime")))
    stan = profile.take(request, "stan")
    return Asked(
        profile=profile,
        message=request,
        operation=profile.operation(request) or "",
        terminal=profile.take(request, "terminal"),
        agent="A-1",
        stan=int(stan) if stan.isdigit() else 0,
        day=days.number(days.business_day(now, said)),
        currency=company.currency,
        language="en",
        msisdn=lambda text: e164(text, company.country_code),
    )


def _message(case: ServiceCase, asked: Asked) -> Iterator[str]:
    try:
        message = canonical(asked)
    except Wrong as wrong:
        if case.type != wrong.code:
            yield f"refused as {wrong.code}: {wrong.what}"
        return
    if message is None:
        yield f"{case.operation} asks the books alone: it becomes no message"
        return
    name = name_of(message).name
    got: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(message))
    if name != case.type:
        yield f"type: expected {case.type}, got {name}"
    wanted: dict[str, Any] = dict(case.message)
    if wanted != got:
        yield f"message: expected {wanted}, got {got}"


def _reply(
    profile: Profile, case: ServiceCase, request: Iso, company: CaseCompany, now_us: int
) -> Iterator[str]:
    printer = Printer(Texts(read_folder(), company), "en", company.name)
    answer = Answer(outcome=Outcome(case.outcome), code=case.code, data=dict(case.data))
    ended = Ending(profile, printer).answer(case.operation, answer)
    facts = Facts(
        now_us, ZoneInfo(company.zone), company.exponent, profile.dialect.amount_exponent,
        ended.data, ended.extra,
    )  # fmt: skip
    try:
        reply = Reply(ended.outcome, ended.groups(case.operation), facts)
        got = octets(profile, request, reply, None).hex().upper()
    except IsoError as error:
        yield f"its reply cannot be written: {error}"
        return
    if got != "".join(case.reply.split()).upper():
        yield f"reply: got {got}"
