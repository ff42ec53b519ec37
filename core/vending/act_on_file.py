"""Tokens on file that an act is about: whether they are there, and what became of them. Pure."""

from core.entities import Coding, Meter, TokenOnFile
from core.handlers.base import Context
from core.messages import RequestTokenAct
from core.refusals import Refusal, refuse
from core.sts.layouts import TokenClass
from core.vending import act_checks as checks
from core.vending.act_kinds import UNUSED
from core.vending.key_change import newest
from core.vending.key_change_states import ENDS


def cannot(command: RequestTokenAct, why: str) -> Refusal:
    """The no of an act that the world does not allow."""
    return refuse("act-not-possible", kind=command.kind, meter=command.meter, why=why)


def on_file(ctx: Context, command: RequestTokenAct, drn: str) -> TokenOnFile:
    """The token that is named by its digits or its receipt; refused where it is void."""
    token = ctx.stage.get(TokenOnFile, (drn, command.token))
    if token is None:
        raise refuse("act-token-unknown", token=command.token, meter=drn)
    if token.void_by:
        raise cannot(command, f"the token is void since act {token.void_by}")
    return token


def credit_on_file(ctx: Context, command: RequestTokenAct, drn: str) -> TokenOnFile:
    """The same, of a token that carries units."""
    token = on_file(ctx, command, drn)
    if token.token_class != TokenClass.CREDIT:
        raise cannot(command, "the token carries no units")
    return token


def not_rekeyed(ctx: Context, command: RequestTokenAct, meter: Meter, token: TokenOnFile) -> None:
    """A token under a key that the meter had may have been used while it had it.

    That it cannot be read under the key on file shows nothing then, as no older token can: somebody
    must know which key the meter has, and have seen that it never took the token.
    """
    change, state = newest(ctx.stage, meter), token.rekeyed
    under = (token.sgc, token.krn, token.ti)
    if (
        change is not None
        and change.issued_at
        and under in (_address(change.old), _address(change.new))
    ):
        state = change.state  # it may have been printed or closed in this batch
    if not state:
        return
    if state not in ENDS:
        raise cannot(
            command, "its key changes and nobody knows yet how that ended: confirm or fail it"
        )
    checks.proved(command, UNUSED)


def _address(coding: Coding) -> tuple[str, int, str]:
    return coding.sgc, coding.krn, coding.ti
