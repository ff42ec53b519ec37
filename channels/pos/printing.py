"""What a terminal shows and prints, in words: the customers' own texts in the shop's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from core.refusals import OPERATOR, operator_sentence
from hub.texts import TextError, Texts

#: How a sale is written, by its ``key_change``; as its SMS would be.
_SALES: Final = {
    "due": "token-key-due",
    "first": "token-key-change",
    "again": "token-key-change-again",
}


@dataclass(frozen=True, slots=True)
class Printer:
    """One company's texts in one language. ``head`` is its name, above every receipt;
    ``exponent``: decimals of its money."""

    texts: Texts
    language: str
    head: str
    exponent: int = 0

    def refusal(self, code: str, args: Mapping[str, Any]) -> str:
        """Why not, for the shop; the operator's sentence where customers have none."""
        try:
            return self.texts.render("refusal", self.language, {"code": code, "args": dict(args)})
        except TextError:
            return operator_sentence(code, args) if code in OPERATOR else code

    def sale(self, data: Mapping[str, Any], *, copy: bool = False) -> str:
        """The lines of a receipt of a token; ``copy``: they say so."""
        key = "token-copy" if copy else _SALES.get(str(data.get("key_change", "")), "token")
        return self._below_head(key, data)

    def payment(self, data: Mapping[str, Any], *, copy: bool = False) -> str:
        """The lines of a receipt of a payment."""
        text = self._below_head("payment", data)
        number = str(data.get("payment", ""))
        lines = (["COPY"] if copy and text else []) + [text, number]
        return "\n".join(line for line in lines if line)

    def _below_head(self, key: str, data: Mapping[str, Any]) -> str:
        try:
            return f"{self.head}\n{self.texts.render(key, self.language, data)}"
        except (TextError, TypeError, ValueError):  # sold all the same: the token is data
            return ""

    def of(self, operation: str, data: Mapping[str, Any], *, copy: bool = False) -> str:
        """The receipt of what was done, if it has one."""
        if data.get("token"):
            return self.sale(data, copy=copy)
        if data.get("payment"):
            return self.payment(data, copy=copy)
        return self._totals(data) if operation == "sign_off" else ""

    def _totals(self, data: Mapping[str, Any]) -> str:
        """The end of a shift: counts and amounts by kind, as the hub says them."""
        rows = [f"{name}: {value}" for name, value in data.items() if isinstance(value, int | str)]
        totals = data.get("totals")
        if isinstance(totals, Mapping):
            rows += [self._sums(kind, sums) for kind, sums in totals.items()]
        return "\n".join((self.head, *rows))

    def _sums(self, kind: str, sums: Mapping[str, int]) -> str:
        """``sale: 3, 60,000``, and what of it was taken back."""
        row = f"{kind}: {sums['count']}, {self._money(sums['amount'])}"
        if not sums["reversed"]:
            return row
        return f"{row} (back: {sums['reversed']}, {self._money(sums['reversed_amount'])})"

    def _money(self, minor: int) -> str:
        return f"{Decimal(minor).scaleb(-self.exponent):,}"
