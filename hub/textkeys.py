"""Which texts there are, and what may stand in each: the contract between code and translators.

A placeholder ``{tender}`` of a text takes a field of the notice's arguments through one converter
of the closed list. A required one must stand in the text of every language: a token message
without its token would be worse than none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Final

from core.refusals import OPERATOR


@dataclass(frozen=True, slots=True)
class Slot:
    """A placeholder: the (dotted) field that it takes, its converter, whether it must stand."""

    field: str
    convert: str = "text"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A text that every language has."""

    slots: Mapping[str, Slot] = field(default_factory=dict)


#: May stand in any text.
COMMON: Final[Mapping[str, Slot]] = {
    "company": Slot("company_name"),
    "help_line": Slot("help_line"),
}

#: The arguments of refusals by name.
_ARGS: Final[Mapping[str, str]] = {
    "credit": "money",
    "held": "money",
    "holder": "masked",
    "largest": "money",
    "limit": "money",
    "limit_tenths": "kwh",
    "minutes": "minutes_ago",
    "owed": "money",
    "phone": "masked",
    "quoted": "kwh",
    "reason": "reason",
    "smallest": "money",
    "tender": "money",
    "units": "kwh",
}
#: What a refusal's sentence needs beside the operator's arguments.
_MORE: Final[Mapping[str, tuple[str, ...]]] = {
    "confirm-holder": ("code", "tender"),
    "credit-above-meter": ("limit_tenths", "tender", "unit"),
}
_NEEDED: Final = {("confirm-holder", "code"), ("confirm-holder", "holder")}


def _refusal(code: str) -> Key:
    names = {name for _, name, _, _ in Formatter().parse(OPERATOR[code]) if name}
    names.update(_MORE.get(code, ()))
    return Key(
        {
            name: _unit()
            if name == "unit"
            else Slot(
                name,
                _ARGS.get(name, "text"),
                required=(code, name) in _NEEDED,
            )
            for name in sorted(names)
        }
    )


def _unit(prefix: str = "") -> Slot:
    """The sign of the unit that the meter counts."""
    return Slot(f"{prefix}.commodity" if prefix else "commodity", "unit")


def _sale(prefix: str = "") -> dict[str, Slot]:
    """The fields of ``core.queries.views.SaleView``."""
    at = f"{prefix}." if prefix else ""
    return {
        "token": Slot(f"{at}token", "token", required=True),
        "units": Slot(f"{at}units_tenths", "kwh", required=True),
        "unit": _unit(prefix),
        "free_token": Slot(f"{at}free_token", "token"),
        "free_units": Slot(f"{at}free_tenths", "kwh"),
        "meter": Slot(f"{at}meter", required=True),
        "meter_name": Slot(f"{at}meter_name"),
        "holder": Slot(f"{at}holder", "masked"),
        "tender": Slot(f"{at}tender", "money"),
        "receipt": Slot(f"{at}receipt"),
        "lines": Slot(f"{at}lines", "lines"),
        "carried_forward": Slot(f"{at}carried_forward", "amount"),
        "account": Slot(f"{at}account"),
        "at": Slot(f"{at}at", "time"),
        "sgc": Slot(f"{at}sgc"),
        "krn": Slot(f"{at}krn"),
        "ti": Slot(f"{at}ti"),
    }


def _act_token(*, units: bool = False) -> dict[str, Slot]:
    """The token of an operator's act."""
    slots = {
        "token": Slot("token", "token", required=True),
        "meter": Slot("meter", required=True),
        "kct": Slot("kct", "numbered"),
    }
    if units:
        slots |= {"units": Slot("units_tenths", "kwh", required=True), "unit": _unit()}
    return slots


def _free_units() -> dict[str, Slot]:
    """The token of free basic units."""
    return _act_token(units=True) | {"token": Slot("free_token", "token", required=True)}


def _advance() -> dict[str, Slot]:
    """Units on credit."""
    owed = Slot("owed", "money", required=True)
    return _act_token(units=True) | {"owed": owed, "receipt": Slot("receipt")}


def _with_set(prefix: str = "", required: bool = False) -> dict[str, Slot]:
    """A sale with the key change tokens that go into the meter before its own."""
    at = f"{prefix}.kct" if prefix else "kct"
    number = Slot(at, "after", required=required)
    return _sale(prefix) | {"kct": Slot(at, "numbered", required=required), "number": number}


#: What confirms something about a phone.
_CODE: Final = {"code": Slot("code", required=True)}

_NOTICES: Final[Mapping[str, Key]] = {
    "token": Key(_sale()),
    "token-copy": Key(_with_set()),
    "token-key-change": Key(_with_set(required=True)),
    "token-key-change-again": Key(_with_set(required=True)),
    "token-key-due": Key(_sale()),
    "last-tokens": Key({"sales": Slot("sales", "sales", required=True)}),
    "last-tokens.sale": Key(_with_set()),
    "last-tokens.none": Key(),
    "balance": Key(
        {
            "account": Slot("account"),
            "credit": Slot("credit", "money", required=True),
            "debt": Slot("debt", "money"),
            "block_left": Slot("block_left_milli", "kwh_milli"),
            "unit": _unit(),
        }
    ),
    "repeat": Key(_with_set("sale") | {"again": Slot("text", required=True)}),
    "payment": Key(
        {
            "account": Slot("account"),
            "amount": Slot("amount", "money", required=True),
            "credit": Slot("credit", "money"),
        }
    ),
    "pay-in-small": Key(
        {
            "amount": Slot("amount", "money", required=True),
            "missing": Slot("missing", "money", required=True),
            "meter": Slot("meter", required=True),
        }
    ),
    "pay-in-debts": Key(
        {"debts": Slot("debts", "money", required=True), "account": Slot("account")}
    ),
    "pay-in-held": Key(
        {
            "amount": Slot("amount", "money", required=True),
            "reference": Slot("reference"),
            "payment": Slot("payment", required=True),
        }
    ),
    "pay-in-credited": Key(
        {"amount": Slot("amount", "money", required=True), "account": Slot("account")}
    ),
    "payment-taken-back": Key(
        {
            "payment": Slot("payment"),
            "account": Slot("account", required=True),
            "agent": Slot("agent", required=True),
            "amount": Slot("amount", "money", required=True),
        }
    ),
    **{
        name: Key(
            {
                "wallet": Slot("wallet", required=True),
                "amount": Slot("amount", "money", required=True),
                more: Slot(more, required=True),
                "payment": Slot("payment"),
            }
        )
        for name, more in (
            ("wallet-returned", "receipt"),
            ("wallet-taken-back", "receipt"),
            ("wallet-moved", "target"),
            ("wallet-case", "case"),
        )
    },
    "sale-pending": Key(
        {"meter": Slot("meter", required=True), "tender": Slot("tender", "money", required=True)}
    ),
    "sale-failed": Key({"meter": Slot("meter"), "tender": Slot("tender", "money")}),
    "float-low": Key(
        {"agent": Slot("agent", required=True), "credit": Slot("credit", "money", required=True)}
    ),
    "price": Key(
        {
            "meter": Slot("meter", required=True),
            "units": Slot("units_tenths", "kwh", required=True),
            "unit": _unit(),
            "tender": Slot("tender", "money", required=True),
            "lines": Slot("lines", "lines"),
            "suggestion": Slot("suggestion", required=True),
        }
    ),
    "register-meter": Key(_CODE | {"meter": Slot("meter", required=True), "phone": Slot("phone")}),
    "register-spending": Key(
        _CODE | {"meter": Slot("meter", required=True), "phone": Slot("phone")}
    ),
    "pin-changed": Key({"phone": Slot("phone", required=True)}),
    "phone-spends": Key(
        {"meter": Slot("meter", required=True), "phone": Slot("phone", required=True)}
    ),
    "phone-code": Key(_CODE),
    "help": Key(),
    "nonsense": Key(),
    "nonsense.amount-missing": Key({"meter": Slot("meter")}),
    "nonsense.amount-unclear": Key({"text": Slot("text")}),
    "nonsense.advance-how": Key(),
    "nonsense.code-missing": Key(),
    "nonsense.meter-missing": Key({"tender": Slot("tender", "money")}),
    "nonsense.pin-by-sms": Key(),
    "nonsense.price-how": Key(),
    "nonsense.several-amounts": Key(),
    "nonsense.several-commands": Key(),
    "nonsense.several-meters": Key(),
    "nonsense.send-instead": Key({"suggestion": Slot("suggestion", required=True)}),
    "act-token": Key(_act_token()),
    "advance": Key(_advance()),
    "free-units": Key(_free_units()),
    "free-units-copy": Key(_free_units()),
    "act-credit": Key(_act_token(units=True)),
    "act-copy": Key(_act_token() | {"units": Slot("units_tenths", "kwh"), "unit": _unit()}),
}

#: Templates that are one sentence with a refusal: said in one place only.
ALIASES: Final[Mapping[str, str]] = {
    "busy": "refusal.overloaded",
    "confirm-holder": "refusal.confirm-holder",
    "outcome-unknown": "refusal.outcome-unknown",
}

KEYS: Final[Mapping[str, Key]] = {
    **_NOTICES,
    **{f"refusal.{code}": _refusal(code) for code in OPERATOR},
}
