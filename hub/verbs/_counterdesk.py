"""What ``wattbus counter`` shares: asking at a desk, amounts and counts, reports as told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from core.counter.act_kinds import PREFIX
from core.messages import CounterTender, Pieces, RequestCounterAct, SellAtCounter, TakeAtCounter
from hub.verbs._scope import Scope, scope_of
from hub.verbs._shared import (
    as_facts,
    die,
    done_or_die,
    operator_name,
)
from hub.verbs.act import send, tell_done


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, of which company, under which key, and how he wants to be told."""

    scope: Scope
    operator: str
    key: str
    as_json: bool

    @staticmethod
    def of(config: Path, company: str, operator: str, key: str, as_json: bool) -> "Asking":
        """As the options say; exit 2 for what cannot be."""
        return Asking(scope_of(config, company), operator_name(operator), key, as_json)

    def pieces(self, words: list[str] | None) -> tuple[Pieces, ...]:
        """``50000x3 500x14`` → coins and notes; exit 2 for what is none."""
        found = []
        for word in words or ():
            value, _, count = word.partition("x")
            if not count.isdecimal():
                die(f"{word!r} is no count: write it like 50000x3", 2)
            found.append(Pieces(value=self.scope.minor(value), count=int(count)))
        return tuple(found)

    def tenders(
        self, amount: int, others: list[str] | None, given: str
    ) -> tuple[CounterTender, ...]:
        """``cheque=20,000:417:Centenary`` … → the ways; what they leave is cash."""
        found = []
        for word in others or ():
            way, _, rest = word.partition("=")
            parts = rest.split(":")
            if not way or len(parts) > 3:
                die(f"{word!r} is no way: write WAY=AMOUNT:NUMBER:BANK", 2)
            sum_, number, bank = (*parts, "", "")[:3]
            found.append(
                CounterTender(way=way, amount=self.scope.minor(sum_), reference=number, bank=bank)
            )
        left = amount - sum(tender.amount for tender in found)
        if left:
            cash = CounterTender(way="cash", amount=left, tendered=self.scope.minor(given))
            found.insert(0, cash)
        elif given:
            die("--given is cash, and the other ways pay all of it: leave it out", 2)
        return tuple(found)

    def act(self, kind: str, desk: str, **fields: Any) -> None:
        """Ask for an act at a desk, and say what came of it; exit 1 when it is refused."""
        command = RequestCounterAct(operator=self.operator, kind=PREFIX + kind, desk=desk, **fields)
        done = send(self.scope.settings, self.scope.company, self.key, command)
        tell_done(self.scope.settings, self.scope.company, done, self.as_json)
        if done.answer is not None and not self.as_json:
            self.tell(done.answer.data)

    def money_taken(self, command: TakeAtCounter | SellAtCounter) -> dict[str, Any]:
        """Take money; exit 1 when it is refused, or not known yet."""
        done = send(self.scope.settings, self.scope.company, self.key, command)
        kept = ""
        if done.answer is not None and "change" in done.answer.data:
            kept = f"; the money of receipt {done.answer.data['receipt']} is credit"
        answer = done_or_die(done, kept)
        data = answer.data
        if self.as_json:
            typer.echo(as_facts(done, answer))
            return {}
        again = "; it had come already, nothing was added" if done.repeat else ""
        typer.echo(f"receipt {data['receipt']}: {self.scope.money(data['amount'])}{again}")
        if data["change"]:
            typer.echo(f"change {self.scope.money(data['change'])}")
        return dict(data)

    def tell(self, data: dict[str, Any]) -> None:
        """What an act's answer says beside the act."""
        said = [f"{name} {data[name]}" for name in _PLAIN if data.get(name)]
        said += [f"{name.replace('_', ' ')} {self.scope.money(data[name])}"
                 for name in _MONEY if name in data]  # fmt: skip
        for line in said:
            typer.echo(f"  {line}")
        for way, taken in data.get("ways", {}).items():
            voids = f", {taken['voids']} void: {self.scope.money(taken['voided'])}"
            typer.echo(f"  {way}: {taken['count']} × {self.scope.money(taken['amount'])}"
                       f"{voids if taken['voids'] else ''}")  # fmt: skip


_PLAIN = ("shift", "cashier", "heir", "z_number", "receipt", "slip", "series", "next_shift")
_MONEY = (
    *("opening", "cash", "paid_in", "paid_out", "dropped", "voided", "expected", "counted"),
    *("variance", "cash_back", "credited", "difference"),
)
