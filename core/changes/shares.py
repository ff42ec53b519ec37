"""Shares in something common (a lift, a shared meter) when one of the sharers leaves.

As declared they end after his last day, stay with the agreement that ended (so that the others bear
no more than before), or go on with who comes to the service point. What was stated stays: an end is
a later fact. Weights that were written down with a total are not changed by it.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec

from core.changes.cases import Case, wrong
from core.changes.entities import Service, ShareFact
from core.handlers.base import Context
from core.store.load_facts import SHARE

#: Facts of one agreement that a change ends or passes on; more is not a flat in a house.
MAX_SHARES = 32
#: What a fact of a change has as its source.
_SOURCE = "change/"


def end_shares(ctx: Context, case: Case, service: Service) -> list[str]:
    """From the day after the reading the agreement shares in nothing; the names of the shares."""
    facts = _facts(ctx, service.id)
    if case.terms.shares == "kept" or not facts:
        return []
    day = (date.fromisoformat(case.change.read_on) + timedelta(days=1)).isoformat()
    ended = []
    for name in dict.fromkeys(fact.name for fact in facts):
        own = [fact for fact in facts if fact.name == name]
        days = {fact.from_day for fact in own if fact.from_day > day}
        last = {at: _on(own, at) for at in (day, *days)}
        running = [at for at, fact in last.items() if fact is not None and not fact.ended]
        for at in sorted(running):
            version = max((fact.version for fact in own if fact.from_day == at), default=0) + 1
            end = ShareFact(name=name, from_day=at, version=version, ended=1)
            _write(ctx, case, service.id, end)
        ended += [name] if running else []
    return ended


def pass_shares(ctx: Context, case: Case, before: Service | None, service: Service) -> list[str]:
    """Who comes shares as the one before him did on his last day; the names of the shares."""
    if case.terms.shares != "passed" or before is None:
        return []
    passed = []
    for name, ended in _ended(_facts(ctx, before.id)).items():
        last = date.fromisoformat(ended.from_day) - timedelta(days=1)
        own = [fact for fact in _facts(ctx, before.id) if fact.name == name]
        held = _on(own, last.isoformat())
        if held is not None and not held.ended:
            first = max(service.since, ended.from_day)
            share = msgspec.structs.replace(held, from_day=first, version=1)
            _write(ctx, case, service.id, share)
            passed.append(name)
    return passed


def _facts(ctx: Context, agreement: int) -> tuple[ShareFact, ...]:
    found: tuple[ShareFact, ...] = ctx.stage.linked("shares-of", agreement) or ()
    return found


def _on(facts: Iterable[ShareFact], day: str) -> ShareFact | None:
    """Of one name's facts, in their order: the one that holds on a day, or ended before it."""
    return next((fact for fact in reversed([*facts]) if fact.from_day <= day), None)


def _ended(facts: Sequence[ShareFact]) -> dict[str, ShareFact]:
    """By name: the first day on which a change let it hold no more, if that stands."""
    found: dict[str, ShareFact] = {}
    for fact in facts:
        if not fact.ended:
            found.pop(fact.name, None)
        elif fact.source.startswith(_SOURCE):
            found.setdefault(fact.name, fact)
    return found


def _write(ctx: Context, case: Case, agreement: int, fact: ShareFact) -> None:
    known = _facts(ctx, agreement)
    if len(known) >= MAX_SHARES:
        what = f"agreement {agreement} has {len(known)} facts about shares: end them by a file"
        raise wrong(case.change.account, what)
    fact = msgspec.structs.replace(fact, source=f"{_SOURCE}{case.change.id}")
    ctx.stage.add(
        "agreement_fact",
        id=ctx.new_id("agreement_fact"),
        company=ctx.terms.code,
        agreement_id=agreement,
        kind=SHARE,
        operator=case.change.operator,
        recorded_at=ctx.now_us,
        **msgspec.structs.asdict(fact),
    )
    of_name = sorted((*known, fact), key=lambda each: (each.name, each.from_day, each.version))
    ctx.stage.link("shares-of", agreement, tuple(of_name))
