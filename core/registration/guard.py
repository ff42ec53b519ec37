"""What guards a phone's account: its PIN above a limit, and that it was in use within a year. Pure.

A right PIN gives a *pass*, a word that one purchase carries within minutes. So a menu that forgets
to ask cannot spend: the sale itself asks for the pass (``core.vending.sale``).
"""

import hmac
from typing import Any, Final

from msgspec.structs import asdict, replace

from core.book import Stage
from core.calendars import local_date, local_time
from core.entities import Phone
from core.handlers.base import Context
from core.messages import Answer, CheckPin, CreditVend, Outcome, ResetPin, SetPin
from core.messages.vending import Recipient
from core.pins import TRIES, is_proof, tried
from core.refusals import Refusal, refuse
from core.registration.entities import PhoneGuard
from core.registration.notes import pin_changed, tell
from core.registration.years import DAY_US, MINUTE_US, YEAR_US

#: Long enough to read a price again, too short to leave the phone on the table.
PASS_US: Final = 5 * MINUTE_US
#: An SMS is there within a minute, or late by half an hour.
CODE_US: Final = 60 * MINUTE_US
#: Codes that a phone may have in a day: a slip or two; more is somebody who plays.
CODES_PER_DAY: Final = 3
#: A purchase renews ``seen_at`` once a month: a write less for all the others.
MONTH_US: Final = 30 * DAY_US


def unused(phone: Phone, now_us: int) -> bool:
    """Whether nobody has bought by it for a year: it is confirmed again before it spends."""
    return 0 < phone.seen_at < now_us - YEAR_US


def in_use(stage: Stage, msisdn: str, now_us: int) -> None:
    """Refuses a registration that is too old to spend an account."""
    phone = stage.get(Phone, msisdn)
    if phone is not None and unused(phone, now_us):
        raise refuse("registration-unused", phone=msisdn)


def may_spend(ctx: Context, command: CreditVend) -> None:
    """Refuses a purchase from an account that needs a PIN and carries no pass of one."""
    in_use(ctx.stage, command.phone, ctx.now_us)
    limit = ctx.terms.limits.pin_above
    if not limit or command.tender <= limit:
        return
    guard = ctx.stage.get(PhoneGuard, command.phone) if command.pin_pass else None
    if guard is None or not _passes(guard, command.pin_pass, ctx.now_us):
        raise refuse("pin-needed", phone=command.phone, limit=limit, currency=ctx.terms.currency)


def _passes(guard: PhoneGuard, word: str, now_us: int) -> bool:
    fresh = bool(guard.pass_word) and now_us < guard.pass_until
    return fresh and hmac.compare_digest(guard.pass_word.encode(), word.encode())


def bought(ctx: Context, command: CreditVend) -> None:
    """After a purchase from the account: its pass is used up, and the phone is in use."""
    guard = ctx.stage.get(PhoneGuard, command.phone) if command.pin_pass else None
    if guard is not None and _passes(guard, command.pin_pass, ctx.now_us):
        _put(ctx, replace(guard, pass_word="", pass_until=0))
    phone = ctx.stage.get(Phone, command.phone)
    if phone is not None and phone.seen_at < ctx.now_us - MONTH_US:
        ctx.stage.put(phone.msisdn, replace(phone, seen_at=ctx.now_us))


# -- the PIN itself


def check_pin(ctx: Context, command: CheckPin) -> Answer:
    """Done with ``pass``. A wrong PIN is kept, so it is an answer and no Refusal."""
    guard = _with_pin(ctx, command.phone)
    _unlocked(ctx, guard)
    wrong = _wrong_pin(ctx, guard, command.proof)
    if wrong is not None:
        return wrong
    guard = ctx.stage.need(PhoneGuard, command.phone)
    # the number of this message: nobody can guess it, and every rerun gives the same
    until = ctx.now_us + PASS_US
    _put(ctx, replace(guard, pass_word=ctx.message_id, pass_until=until))
    return Answer(outcome=Outcome.DONE, data={"pass": ctx.message_id})


def set_pin(ctx: Context, command: SetPin) -> Answer:
    """The first PIN; or another, by the old one or by a code that came on the phone."""
    registered(ctx, command.phone)
    if not is_proof(command.proof):
        raise wrong_request(command.phone, "the PIN's keyed hash is missing: 64 hex digits")
    guard = ctx.stage.get(PhoneGuard, command.phone)
    if guard is not None and guard.pin_proof:
        no = _by_code(ctx, guard, command) if command.code else _by_old(ctx, guard, command)
        if no is not None:
            return no
    guard = _guard(ctx, command.phone)
    _put(ctx, replace(guard, pin_proof=command.proof, pin_at=ctx.now_us, **_CLEAN))
    pin_changed(ctx, command.phone)
    return Answer(outcome=Outcome.DONE, data={"pin": "set"})


_CLEAN: Final[dict[str, Any]] = {
    "wrong": 0, "locked_until": 0, "pass_word": "", "pass_until": 0,
    "reset_code": "", "reset_wrong": 0, "reset_until": 0,
}  # fmt: skip


def _by_old(ctx: Context, guard: PhoneGuard, command: SetPin) -> Answer | None:
    if not command.old_proof:
        raise wrong_request(command.phone, "there is a PIN: say the old one, or ask for a code")
    _unlocked(ctx, guard)
    return _wrong_pin(ctx, guard, command.old_proof)


def _by_code(ctx: Context, guard: PhoneGuard, command: SetPin) -> Answer | None:
    """Also of one who is locked: the code went to the phone itself."""
    if not guard.reset_code or guard.reset_until <= ctx.now_us:
        raise refuse("phone-code-none", phone=command.phone)
    if hmac.compare_digest(guard.reset_code.encode(), command.code.encode()):
        return None
    wrong = guard.reset_wrong + 1
    ended = wrong >= TRIES
    _put(ctx, replace(guard, reset_wrong=wrong, reset_code="" if ended else guard.reset_code))
    return wrong_code(command.phone, TRIES - wrong)


def wrong_code(msisdn: str, left: int) -> Answer:
    """The answer to a wrong code; it is kept, so it is no Refusal."""
    args = {"phone": msisdn, "tries": left}
    return Answer(outcome=Outcome.REFUSED, code="phone-code-wrong", args=args)


def reset_pin(ctx: Context, command: ResetPin) -> Answer:
    """A code goes to the phone itself; at most some in a day."""
    phone = registered(ctx, command.phone)
    if unused(phone, ctx.now_us):
        raise refuse("registration-unused", phone=command.phone)
    guard = _with_pin(ctx, command.phone)
    day = local_date(ctx.now_us, ctx.terms.zone)
    today = day.year * 10_000 + day.month * 100 + day.day
    sent = guard.codes_sent if guard.codes_day == today else 0
    if sent >= CODES_PER_DAY:
        raise refuse("phone-codes-spent", phone=command.phone, most=CODES_PER_DAY)
    _put(ctx, replace(
        guard, reset_code=ctx.draw.code, reset_wrong=0, reset_until=ctx.now_us + CODE_US,
        codes_day=today, codes_sent=sent + 1,
    ))  # fmt: skip
    to = Recipient(way="sms", address=command.phone, language=phone.language)
    tell(ctx, to, "phone-code", {"code": ctx.draw.code})
    return Answer(outcome=Outcome.DONE, data={"sent_to": "*" * 6 + command.phone[-3:]})


def clear_pin(ctx: Context, msisdn: str) -> None:
    """By an operator: the next one is the first again."""
    guard = _with_pin(ctx, msisdn)
    _put(ctx, replace(guard, pin_proof="", pin_at=0, **_CLEAN))


def registered(ctx: Context, msisdn: str) -> Phone:
    """The phone, if it may spend some account."""
    phone = ctx.stage.get(Phone, msisdn)
    if phone is None or not phone.account_ids:
        raise refuse("phone-not-registered", phone=msisdn)
    return phone


def wrong_request(msisdn: str, what: str) -> Refusal:
    """What cannot be asked for like this."""
    return refuse("registration-wrong", phone=msisdn, what=what)


def _with_pin(ctx: Context, msisdn: str) -> PhoneGuard:
    guard = ctx.stage.get(PhoneGuard, msisdn)
    if guard is None or not guard.pin_proof:
        raise refuse("pin-unset", phone=msisdn)
    return guard


def _guard(ctx: Context, msisdn: str) -> PhoneGuard:
    """The phone's row, a new one where there is none."""
    known = ctx.stage.get(PhoneGuard, msisdn)
    if known is not None:
        return known
    new = PhoneGuard(id=ctx.new_id("phone_guard"), company=ctx.terms.code, msisdn=msisdn)
    ctx.stage.add("phone_guard", **asdict(new))
    return new


def _unlocked(ctx: Context, guard: PhoneGuard) -> None:
    if guard.locked_until > ctx.now_us:
        shown = _shown(ctx, guard.locked_until)
        raise refuse("phone-pin-locked", phone=guard.msisdn, until=shown)


def _wrong_pin(ctx: Context, guard: PhoneGuard, proof: str) -> Answer | None:
    """Nothing if it is right; else the answer, with the wrong one counted on the stage."""
    outcome = tried(guard.pin_proof, proof, guard.wrong, ctx.now_us)
    if outcome.right:
        _put(ctx, replace(guard, wrong=0, locked_until=0))
        return None
    # what a right PIN gave before is void when somebody guesses
    _put(ctx, replace(
        guard, wrong=outcome.wrong, locked_until=outcome.until, pass_word="", pass_until=0
    ))  # fmt: skip
    args: dict[str, Any] = {"phone": guard.msisdn}
    if outcome.until:
        args["until"] = _shown(ctx, outcome.until)
        return Answer(outcome=Outcome.REFUSED, code="phone-pin-locked", args=args)
    args["tries"] = outcome.left
    return Answer(outcome=Outcome.REFUSED, code="phone-pin-wrong", args=args)


def _put(ctx: Context, guard: PhoneGuard) -> None:
    ctx.stage.put(guard.msisdn, guard)


def _shown(ctx: Context, at_us: int) -> str:
    return local_time(at_us, ctx.terms.zone).strftime("%Y-%m-%d %H:%M")
