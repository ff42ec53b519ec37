"""How our noes are shown on terminals: refusal → outcome, whose DE39 is the dialect's.

A refusal that is not here is ``declined``. None of these is ever shown for an outcome that is not
known: that is ``late`` alone.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_TABLE: Final = """
invalid_merchant        agent-unknown agent-closed agent-blocked
invalid_transaction     reversal-partial advice-refused heat-not-by-token
invalid_transaction     meter-not-prepaid meter-holds-money advance-not-offered terminal-clock
invalid_amount          tender-not-positive tender-too-small tender-at-step credit-above-meter
invalid_amount          currency-wrong reversal-differs
invalid_account         meter-unknown meter-check-digit meter-length account-unknown account-closed
invalid_account         agreement-missing account-ambiguous
format_error            message-wrong slip-wrong agent-wrong payment-wrong
insufficient_float      float-insufficient credit-insufficient
expired                 expired
not_permitted_to_customer meter-blocked sale-blocked agent-out-of-scope meter-changing
not_permitted_to_customer meter-being-exchanged agent-out-of-area
not_permitted_to_terminal terminal-unknown terminal-blocked
not_permitted_to_terminal terminal-elsewhere terminal-signed-off pin-wrong cashier-locked
not_permitted_to_terminal cashier-unknown cashier-blocked terminal-wrong cashier-wrong
over_limit              limit-per-sale limit-per-day-meter limit-per-day-phone agent-daily-limit
too_often               likely-repeat sale-pending tokens-too-fast quote-changed confirm-holder
duplicate               key-reused reversed-before slip-used batch-closed
original_not_found      payment-unknown reference-unknown
away                    overloaded channel-closed
malfunction             key-missing tariff-missing tariff-unit-wrong module-refused
late                    outcome-unknown terminal-late
"""

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        refusal: line.split()[0]
        for line in _TABLE.strip().splitlines()
        for refusal in line.split()[1:]
    }
)
#: How a reversal ended → outcome. Whatever it is, store-and-forward has nothing more to say.
REVERSALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "barred": "approved",
        "waiting": "approved",
        "reversed": "approved",
        "kept": "no_action",
        "refused": "approved",
    }
)
