"""What a collection needs loaded, when it is asked for and when it is reported on."""

import msgspec

from core.book import Wants
from core.messages import RequestCollection
from core.vending.sale_rows import MAX_RECIPIENTS


def wants_of(command: RequestCollection) -> Wants:
    """The rows that the purpose is about, and the phones of all who are told."""
    vend = command.vend
    told = (*command.reply, *(vend.reply if vend else ()))[:MAX_RECIPIENTS]
    phones = (command.payer, vend.phone if vend else "", *(each.address for each in told))
    return Wants(
        meters=(vend.meter,) if vend and vend.meter else (),
        owing=(command.account,) if command.account else (),
        accounts=(command.account,) if command.account else (),
        agents=(command.agent,) if command.agent else (),
        phones=tuple(dict.fromkeys(filter(None, phones))),
    )


def planned(plan: str) -> RequestCollection:
    """The wish that a row's ``plan`` holds."""
    return msgspec.json.decode(plan, type=RequestCollection)
