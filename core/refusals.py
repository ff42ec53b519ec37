"""Every business no: a code, and one sentence for the operator.

The sentence for the customer is data, in his language: ``mappings/texts/<language>.yaml`` under
``refusal.<code>``. A test holds the two lists together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from core.money import CURRENCIES, format_amount
from core.units import is_money, sign_of

#: code -> the operator's sentence; ``{names}`` are filled from the refusal's arguments.
OPERATOR: Final[Mapping[str, str]] = {
    "meter-check-digit": "Meter {meter} fails its check digit; it was mistyped. No money moved.",
    "meter-length": "Meter {meter} has {length} digits; a DRN has 11 or 13. No money moved.",
    "meter-unknown": "No meter {meter} in {company}. No money moved.",
    "meter-not-prepaid": "Meter {meter} is billed after use; a payment, not a token, is due.",
    "meter-blocked": "Meter {meter} is blocked ({reason}); lift the block before selling.",
    "meter-being-exchanged": "Meter {meter} is being exchanged; sell when the new one is in.",
    "tariff-missing": "Tariff {tariff} has no price for meter {meter} now: {why}.",
    "tariff-unit-wrong": "Meter {meter} counts {fits} ({commodity}); tariff {tariff} is per {per}.",
    "meter-holds-money": "Meter {meter} holds money, not units: this is for meters of units only.",
    "heat-not-by-token": "Meter {meter}: heat is sold by account balance, not by token.",
    "agreement-missing": "Meter {meter} has no active agreement (vacant or closed).",
    "tokens-too-fast": "Meter {meter}: tokens run ahead of the clock ({why}).",
    "reference-unknown": "No message of ours has the network reference {reference}.",
    "key-missing": "No valid vending key for supply group {sgc}, revision {krn}.",
    "tender-too-small": "Tender {tender} is below the smallest useful amount {smallest}.",
    "tender-at-step": "Tender {tender} ends at a price step: {largest} fits, {smallest} passes it.",
    "tender-not-positive": "Tender {tender} is not an amount of money.",
    "credit-above-meter": "More than meter {meter} takes at once; at most {largest}.",
    "limit-per-sale": "Tender {tender} is above the limit of one sale ({limit}).",
    "limit-per-day-meter": "Meter {meter} has reached its limit of the day ({limit}).",
    "limit-per-day-phone": "Phone {phone} has reached its limit of the day ({limit}).",
    "credit-insufficient": "Account {account} has {credit} to spend; {tender} were asked.",
    "phone-not-registered": "Phone {phone} is not registered for any account.",
    "account-not-yours": "Phone {phone} is not registered for account {account}.",
    "account-unknown": "No account {account} in {company}.",
    "account-closed": "Account {account} is closed.",
    "account-ambiguous": "Phone {phone} has several accounts; one must be named.",
    "sale-blocked": (
        "Meter {meter}: {owed} of {what} are owed, at least {days} days overdue; nothing is sold "
        "above {limit}."
    ),
    "advance-not-offered": "Meter {meter}: {company} gives no units on credit.",
    "advance-not-own": "Phone {phone} may not spend the account of meter {meter}: no advance.",
    "advance-which": "Phone {phone} has several meters ({meter}, …): name one for an advance.",
    "advance-open": "Meter {meter}: {owed} of an advance are still owed; no second one.",
    "advance-count": "Meter {meter} had {most} advances this month; that is the most.",
    "advance-above": "An advance of {tender} was asked for; it is 1 to {limit}.",
    "advance-blocked": "Meter {meter}: no advance to one who has no service ({why}).",
    "service-wrong": "Meter {meter}: {what}.",
    "currency-wrong": "Currency {currency} given; account {account} is in {expected}.",
    "pin-needed": "Phone {phone} buys for more than {limit}: by the menu, with its PIN.",
    "pin-unset": "Phone {phone} has no PIN yet.",
    "phone-pin-wrong": "Phone {phone}: wrong PIN; {tries} more before it is locked.",
    "phone-pin-locked": "Phone {phone}: too many wrong PINs; it is locked until {until}.",
    "phone-code-wrong": "Phone {phone}: wrong code; {tries} more.",
    "phone-code-none": "Phone {phone}: no code waits (used, too old, or wrong too often).",
    "phone-codes-spent": "Phone {phone}: no more codes today (at most {most}).",
    "registration-full": "Phone {phone} has {most} meters; that is the most.",
    "registration-unused": "Phone {phone} was not used for a year; it must be confirmed again.",
    "registration-wrong": "Phone {phone}: {what}.",
    "meter-not-saved": "Phone {phone} has not saved meter {meter}.",
    "confirm-holder": "Meter {meter} belongs to {holder}; waiting for the buyer's confirmation.",
    "confirm-unknown": "No purchase of phone {phone} waits for code {code}.",
    "confirm-taken": "The purchase of phone {phone} with code {code} was confirmed before.",
    "confirm-expired": "The purchase of phone {phone} with code {code} waited too long.",
    "quote-changed": "The quote was {quoted} {unit}, it would be {units} {unit}; asked again.",
    "likely-repeat": "Looks like sale {receipt} of {minutes} min ago; the buyer was asked.",
    "enrol-conflict": "Enrolment refused: {what}.",
    "amount-ambiguous": "Amount '{text}' can be read in two ways.",
    "operator-unknown": "No operator {operator} in the configuration of {company}.",
    "act-no-role": "Operator {operator} may not do {kind}: the role {role} is needed.",
    "act-same-person": "Act {act} was asked for by {operator}: another person must decide.",
    "act-over-limit": "Operator {operator}: {wanted} {what} today, {most} are allowed.",
    "act-expired": "Act {act} waited for its approval until {until}; ask for it again.",
    "act-unknown": "No act {act} in {company}.",
    "act-not-open": "Act {act} is {state}: the decision {decision} is not possible.",
    "act-not-possible": "Not possible for meter {meter} ({kind}): {why}.",
    "act-evidence-missing": "Evidence is needed for {kind} at meter {meter}, {needs}.",
    "act-wrong": "Act {kind}: {what}.",
    "act-token-unknown": "No token or receipt {token} of meter {meter}.",
    "statement-wrong": "Wallet {wallet}: {what}; nothing was booked.",
    "settlement-known": "Payout {reference} of {wallet} is on file, with {tender}, and is not "
    "like this one; nothing was booked.",
    "payment-known": "Number {reference} ({way}, {desk}) was received already, as {payment}; "
    "nothing was posted. What was reversed can be received again.",
    "payment-wrong": "Not possible with this money: {what}.",
    "payment-unknown": "Not found: {what}.",
    "payment-not-now": "Not possible as it stands: {what}.",
    "meter-changing": "Meter {meter}: a change there is settled and not switched; sell when it is.",
    "change-unknown": "No change {change} in {company}.",
    "change-wrong": "Change at account {account}: {what}.",
    "key-change-open": "Meter {meter}: a set is out; confirm it or let it fail first.",
    "key-change-none": "Meter {meter} has no key change.",
    "key-change-not-issued": "Meter {meter}: no set was issued yet; there is nothing to confirm.",
    "key-change-over": "Meter {meter}: its key change is over ({state}); start a new one.",
    "key-change-same": "Meter {meter} has the wanted key already.",
    "key-change-impossible": "Meter {meter} cannot get the wanted key ({why}).",
    "second-person": "No second person has agreed to this key change ({operator} is one).",
    "sale-pending": "Meter {meter}: a purchase waits for its token since {minutes} min.",
    "module-refused": "The security module makes no token for meter {meter} ({why}).",
    "order-unknown": "No order {order} was placed at module {module}.",
    "no-entitlement": "Meter {meter}: no free units are to be had now by this phone.",
    "free-units-taken": "Meter {meter}: the free units of {month} were given before.",
    "free-units-which": "Phone {phone} has several meters with free units ({meter}, …): name one.",
    "entitlement-wrong": "Entitlement to free units: {what}.",
    "entitlement-exists": "Meter {meter} has an entitlement to free units; end that one first.",
    "entitlement-none": "Meter {meter} has no entitlement to free units.",
    "agent-unknown": "No agent {agent} in {company}. No money moved.",
    "agent-blocked": "Agent {agent} is blocked: it sells and collects nothing. No money moved.",
    "agent-closed": "Agent {agent} is closed. No money moved.",
    "agent-out-of-scope": "Agent {agent} does not serve {what}. No money moved.",
    "agent-out-of-area": "Agent {agent} does not serve the area of {what}. No money moved.",
    "agent-daily-limit": "Agent {agent} would pass its limit of the day, {limit}. No money moved.",
    "cash-limit": "Agent {agent} holds {held} of our cash; more than {limit} would be too much.",
    "transfer-repeat": "Agent {agent} gave {tender} to {other} {minutes} min ago; confirm another.",
    "agent-wrong": "Agent {agent}: {what}.",
    "counter-unknown": "No desk {desk} in {company}. No money moved.",
    "counter-wrong": "Desk {desk}: {what}. No money moved.",
    "counter-not-now": "Desk {desk}, not possible now: {what}. No money moved.",
    "float-insufficient": "The float of agent {agent} has {credit} left; {tender} were asked.",
    "terminal-clock": "The clock of terminal {terminal} is {off} min off. No money moved.",
    "message-wrong": "The message of terminal {terminal} cannot be carried out: {what}.",
    "advice-refused": "Terminal {terminal} says that it sold a token without us: not booked.",
    "terminal-late": "Terminal {terminal} was told that the outcome is not known yet.",
    "terminal-kept": "Terminal {terminal} took back a token that was issued; it was kept.",
    "reversal-partial": "Terminal {terminal} would take back a part: it is all or nothing.",
    "terminal-unknown": "No terminal {terminal} in {company}. No money moved.",
    "terminal-blocked": "Terminal {terminal} is {state}. No money moved.",
    "terminal-elsewhere": "Terminal {terminal} is not one of agent {agent}. No money moved.",
    "terminal-signed-off": "Terminal {terminal}: its cashier must sign on first. No money moved.",
    "terminal-wrong": "Terminal {terminal}: {what}.",
    "cashier-unknown": "Agent {agent} has no cashier {cashier}.",
    "cashier-blocked": "Cashier {cashier} of agent {agent} is {state}.",
    "cashier-locked": "Cashier {cashier} of agent {agent}: wrong PINs; locked until {until}.",
    "cashier-wrong": "Cashier {cashier} of agent {agent}: {what}.",
    "pin-wrong": "Cashier {cashier} of agent {agent}: wrong PIN, {tries} more before a lock.",
    "slip-wrong": "Terminal {terminal}: {what}. No money moved.",
    "slip-used": "Terminal {terminal}: number {stan} stands for an item that is {state}.",
    "reversed-before": "Terminal {terminal} took item {stan} back before it came; it is barred.",
    "reversal-differs": "Terminal {terminal}: item {stan} is {limit}, taken back were {tender}.",
    "batch-closed": "Terminal {terminal}: batch {batch} is closed, with other totals or items.",
    "wallet-unknown": "No wallet {wallet} in {company}. Nothing was booked.",
    "wallet-receipt": "Wallet {wallet}: '{receipt}' is no receipt. Nothing was booked.",
    "wallet-unproved": "Receipt {receipt} of wallet {wallet} is {tender}: so much is booked on the "
    "provider's own status, not on a notice alone.",
    "wallet-differs": "Receipt {receipt} of wallet {wallet} is booked as {payment} with "
    "{expected}; now {tender} {currency} are told of it. Nothing was booked again.",
    "my-payment-unknown": "No payment {receipt} for meter {meter}.",
    "my-payment-waits": "Payment {receipt} ({payment}) for meter {meter} has no token yet.",
    "asks-too-often": "Phone {phone} asked for payments {limit_count} times within an hour.",
    "case-unknown": "No case {case} in {company}.",
    "case-closed": "Case {case} was closed by {operator}.",
    "wallet-none": "No wallet of {company} asks phone {phone} for money. No money moved.",
    "wallet-too-little": "Tender {tender} is less than {wallet} takes at least ({limit}).",
    "wallet-too-much": "Tender {tender} is more than {wallet} takes at most ({limit}).",
    "wallet-asked": "Wallet {wallet} asks for {tender} for {target}; {minutes} min ago.",
    "wallet-wrong": "A collection cannot be asked for: {what}.",
    "wallet-report-wrong": "Wallet {wallet} reports on {reference}: {what}. Nothing was booked.",
    "wallet-reference-unknown": "No collection {reference} was asked for by {wallet}.",
    "wallet-declined": "The payer declined {tender} by {wallet}. No money moved.",
    "wallet-insufficient": "The payer has less than {tender} with {wallet}. No money moved.",
    "wallet-wrong-pin": "The payer's PIN for {tender} by {wallet} was wrong. No money moved.",
    "wallet-timeout": "Nobody approved {tender} by {wallet} in time. No money moved.",
    "wallet-busy": "Another request of {wallet} was before the payer; no {tender} moved.",
    "wallet-unreachable": "No phone of the payer was reached by {wallet}; no {tender} moved.",
    "wallet-limit": "More than a limit of the payer's {wallet} allows: {tender}. No money moved.",
    "wallet-provider": "A fault of {wallet}: {tender} were not taken. No money moved.",
    "wallet-rejected": "The request for {tender} was not accepted by {wallet}. No money moved.",
    "wallet-late": "After the collection had failed {wallet} brought {tender}; they are booked.",
    "wallet-open": "What became of {tender} is not said by {wallet}; it is asked on.",
    "expired": "The command came to its turn after {expirytime}; it was not begun.",
    "key-reused": "The key was used before with other content; quarantined, nothing was done.",
    "channel-closed": "Channel {channel} is closed.",
    "overloaded": "The hub is full; nothing was accepted.",
    "outcome-unknown": "The outcome is not known yet; it is followed up.",
}


@dataclass(frozen=True, slots=True)
class Refusal(Exception):  # noqa: N818 - a business no, not an error
    """A business no. Handlers raise it inside their own code only; it ends as an answer."""

    code: str
    args_: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)

    def operator(self) -> str:
        """The sentence for the operator."""
        return operator_sentence(self.code, self.args_)


def refuse(code: str, /, **args: Any) -> Refusal:
    """A refusal with its code checked against the list."""
    if code not in OPERATOR:
        raise KeyError(code)
    return Refusal(code, args)


def operator_sentence(code: str, args: Mapping[str, Any]) -> str:
    """The operator's sentence; a missing argument shows as ``?`` rather than hiding the rest.

    Amounts (minor units of ``currency``) and units (tenths) are written as people do; ``{unit}`` is
    the sign of ``commodity``.
    """
    currency = str(args.get("currency", ""))
    shown = {name: _written(name, value, currency) for name, value in args.items()}
    if is_money(args.get("commodity")):
        shown |= {name: _coins(args[name], currency) for name in _TENTHS & args.keys()}
        shown.setdefault("unit", currency)
    shown.setdefault("unit", sign_of(args.get("commodity")))
    return OPERATOR[code].format_map(_Shown(shown))


_MONEY: Final = frozenset({"credit", "largest", "limit", "owed", "smallest", "tender"})
_TENTHS: Final = frozenset({"quoted", "units"})


def _written(name: str, value: Any, currency: str) -> Any:
    if not isinstance(value, int):
        return value
    if name in _MONEY and currency in CURRENCIES:
        return f"{format_amount(value, currency)} {currency}"
    return f"{value // 10}.{value % 10}" if name in _TENTHS else value


def _coins(tenths: Any, currency: str) -> Any:
    """What is counted in money, of a meter that holds it: tenths of a smallest coin."""
    if not isinstance(tenths, int) or currency not in CURRENCIES:
        return tenths
    return format_amount(tenths // 10, currency)


class _Shown(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"
