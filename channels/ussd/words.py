"""Views of the core in the words of one language: what the screens' placeholders are filled with.

Numbers, money and times look as they do in the SMS of the same language (``mappings/texts``), and
a refusal is said in the same sentence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from channels.ussd.pages import plain
from channels.ussd.screens import Screens
from channels.ussd.state import (
    Facts,
    Item,
)
from core.queries.views import BalanceView, LineView, PhoneView, QuoteView, SaleView
from core.units import ELECTRICITY, is_money
from hub.channel import Company
from hub.formats import Style, amount, kwh, kwh_milli, money, numbered, time, token
from hub.texts import Language, TextError, Texts

#: A list longer than this is not read on a phone; the number of a meter can always be typed.
MAX_ITEMS = 9


@dataclass(frozen=True, slots=True)
class Words:
    """Speaks all languages of one company."""

    languages: Mapping[str, Language]
    texts: Texts
    screens: Screens
    company: Company

    def facts(self, phone: PhoneView, known: Mapping[str, str]) -> Facts:
        """What a session knows of its caller; ``known``: what beside, that options depend on."""
        language = phone.language if phone.language in self.screens.menu.languages else ""
        language = language or self.own_language()
        style = self._style(language)
        accounts = [
            _item(f"{each.number}: {money(each.credit, style, each.currency)}", each.number)
            for each in phone.accounts
        ]
        meters = [_item(f"{each.name} {each.drn}", each.drn) for each in phone.meters]
        tongues = [_item(self.screens.sheets[c].name, c) for c in self.screens.menu.languages]
        return Facts(
            phone.registered,
            language,
            self.base(language, phone.name) | {"wallet": phone.wallet, **known},
            {
                "accounts": tuple(accounts[:MAX_ITEMS]),
                "meters": tuple(meters[:MAX_ITEMS]),
                "languages": tuple(tongues[:MAX_ITEMS]),
            },
        )

    def base(self, language: str = "", name: str = "") -> dict[str, str]:
        """What may stand in any text."""
        sheet = self.languages[self.texts.language(language)].sheet
        return {
            "company": self.company.name,
            "help_line": self.company.help_line,
            "currency": self.company.currency,
            "name": name,
            "test": sheet.marks.test if self.company.test else "",
            "wallet": "",
        }

    def quote(self, view: QuoteView, language: str) -> dict[str, str]:
        """The arguments of ``quoted`` and ``changed``."""
        style = self._style(language)
        carried = view.carried_forward
        return {
            "meter": view.meter.drn,
            "meter_name": view.meter.name,
            "tender": money(view.tender, style, view.currency),
            **self._counted(view.units_tenths, view.commodity, language),
            "lines": self._lines(view.lines, language),
            "carried": amount(carried, style) if carried else "",
            "account": view.account,
            "credit": money(view.credit, style, view.currency),
            "wallet": view.wallet,
        }

    def holder(self, meter: str, holder: str, tender: int, language: str) -> dict[str, str]:
        """The arguments of ``other-holder``."""
        shown = money(tender, self._style(language))
        return {"meter": meter, "holder": holder, "tender": shown}

    def sale(self, view: SaleView, language: str) -> dict[str, str]:
        """The arguments of ``sold`` and ``earlier``.

        A set of key change tokens is more than a screen holds: after a purchase the SMS has it and
        the screen says so; of a copy there is no SMS, and the set fills pages.
        """
        style, count = self._style(language), len(view.kct)
        note = self.screens.sheet(language).say("key-change", {"count": str(count)})
        return {
            "meter": view.meter,
            **self._counted(view.units_tenths, view.commodity, language),
            "tender": money(view.tender, style, view.currency),
            "token": token(view.token, style),
            "receipt": view.receipt,
            "at": time(view.at, style),
            "kct": numbered(view.kct, style),
            "key_change": note if count else "",
            "lines": self._lines(view.lines, language),
            "free_token": token(view.free_token, style),
            "free_units": kwh(view.free_tenths, style) if view.free_token else "",
        }

    def free(self, data: Mapping[str, Any], language: str) -> dict[str, str]:
        """The arguments of ``given``, of the answer to a claim of free units."""
        style, count = self._style(language), len(data.get("kct", ()))
        note = self.screens.sheet(language).say("key-change", {"count": str(count)})
        return {
            "meter": str(data["meter"]),
            "units": kwh(data["units_tenths"], style),
            "unit": self._unit(str(data.get("commodity", ELECTRICITY)), language),
            "token": token(data["free_token"], style),
            "key_change": note if count else "",
        }

    def advance(self, data: Mapping[str, Any], language: str) -> dict[str, str]:
        """The arguments of ``given``, of the answer to who asked for units on credit."""
        style, count = self._style(language), len(data.get("kct", ()))
        note = self.screens.sheet(language).say("key-change", {"count": str(count)})
        commodity = str(data.get("commodity", ELECTRICITY))
        return {
            "meter": str(data["meter"]),
            **self._counted(data["units_tenths"], commodity, language),
            "token": token(data["token"], style),
            "owed": money(data["owed"], style, str(data.get("currency", ""))),
            "receipt": str(data.get("receipt", "")),
            "key_change": note if count else "",
        }

    def sales(self, views: Iterable[SaleView], language: str) -> str:
        """The last tokens, one after the other."""
        sheet = self.screens.sheet(language)
        return "\n".join(sheet.say("sale", self.sale(view, language)) for view in views)

    def balance(self, view: BalanceView, language: str) -> dict[str, str]:
        """The arguments of ``shown``; no debt and no block say nothing."""
        style, left = self._style(language), view.block_left_milli
        return {
            "account": view.account,
            "credit": money(view.credit, style, view.currency),
            "debt": money(view.debt, style, view.currency) if view.debt else "",
            "block_left": "" if left is None else kwh_milli(left, style),
            "unit": self._unit(view.commodity, language),
        }

    def refusal(self, code: str, args: Mapping[str, Any], language: str) -> str:
        """The customer's sentence, the same as by SMS."""
        try:
            return self.texts.render("refusal", language, {"code": code, "args": dict(args)})
        except TextError:  # a code that the texts do not know says at least that nothing moved
            return self.screens.sheet(language).say("fault", self.base(language))

    def own_language(self) -> str:
        """The company's first language that the menu has."""
        menu = self.screens.menu.languages
        return next((code for code in self.company.languages if code in menu), menu[0])

    def _lines(self, lines: Iterable[LineView], language: str) -> str:
        """``Energy 13,587`` and so on, a line each; lines of one label are added up."""
        labels, style = self._sheet(language).lines, self._style(language)
        sums: dict[str, int] = {}
        for line in lines:
            family = line.code.replace(":", ".").split(".")[0]
            label = labels.get(line.code) or labels.get(family) or line.label or line.code
            sums[label] = sums.get(label, 0) + line.amount
        return "\n".join(f"{label} {amount(sums[label], style)}" for label in sums)

    def _counted(self, tenths: int, commodity: str, language: str) -> dict[str, str]:
        """What a token carries: ``units`` with their ``unit``, or ``coins``: money with its
        currency. The other says nothing."""
        style, unit = self._style(language), self._unit(commodity, language)
        if is_money(commodity):
            return {"units": "", "unit": unit, "coins": money(tenths // 10, style)}
        return {"units": kwh(tenths, style), "unit": unit, "coins": ""}

    def _unit(self, commodity: str, language: str) -> str:
        """The sign of the unit that a meter counts."""
        return str(self._sheet(language).units.get(commodity, commodity))

    def _sheet(self, language: str) -> Any:
        return self.languages[self.texts.language(language)].sheet

    def _style(self, language: str) -> Style:
        sheet = self._sheet(language)
        return Style(
            thousands=sheet.numbers.thousands,
            decimal=sheet.numbers.decimal,
            money=sheet.money,
            time=sheet.time,
            zone=ZoneInfo(self.company.zone),
            currency=self.company.currency,
            exponent=self.company.exponent,
        )


def _item(text: str, value: str) -> Item:
    """A choice on one line, whatever a customer has called his meter."""
    return Item(" ".join(plain(text).split()), value)
