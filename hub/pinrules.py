"""What may be a PIN, and the key that a company proves cashiers' and phones' PINs by."""

from typing import Final

from core.queries.terminals import agents_with_cashiers
from core.store.tx import Reader
from hub.config import Config
from hub.pins import PinKeyError, proof, read_key

#: Keyed in at every sign-on, on a keypad: 4 digits are the least that a lock protects.
SHORTEST, LONGEST = 4, 8
#: The ways along which fingers walk, and the years that people are born in and like.
_WALKS: Final = ("01234567890", "09876543210", "2580", "0852", "1470", "3690", "7410", "9630")


def weakness(pin: str) -> str:
    """What is wrong with a PIN that is to be set; empty: nothing."""
    if not (pin.isascii() and pin.isdigit() and SHORTEST <= len(pin) <= LONGEST):
        return f"a PIN has {SHORTEST} to {LONGEST} digits"
    half = pin[: len(pin) // 2]
    repeated = len(pin) % 2 == 0 and pin == half * 2
    if len(set(pin)) <= 1 or repeated or any(pin in walk for walk in _WALKS):
        return "a PIN that is the same digits again, or a row of the keypad, is guessed first"
    if len(pin) == SHORTEST and pin[:2] in ("19", "20"):
        return "a PIN that is a year is guessed first"
    return ""


def company_proof(config: Config, company: str, agent: str, cashier: str, pin: str) -> str:
    """The proof of a cashier's PIN by the company's key. Raises PinKeyError."""
    file = config.companies[company].pin_key_file
    if not file:
        raise PinKeyError(f"[companies.{company}] has no pin_key_file: cashiers need one")
    return proof(read_key(config.path(file)), company, agent, cashier, pin)


def key_problems(config: Config, reader: Reader) -> list[str]:
    """Companies whose key is missing or no key, though cashiers or phones have PINs: nobody signs
    on, no phone buys for more than ``pin_above``."""
    problems = []
    for code, company in config.companies.items():
        where = f"[companies.{code}] pin_key_file"
        if company.pin_key_file:
            try:
                read_key(config.path(company.pin_key_file))
            except PinKeyError as error:
                problems.append(f"{where}: {error}")
        elif company.limits.pin_above:
            problems.append(f"{where} is missing: limits.pin_above needs it")
        elif agents := agents_with_cashiers(reader, code):
            problems.append(f"{where} is missing: cashiers ({agents} agents) cannot sign on")
    return problems
