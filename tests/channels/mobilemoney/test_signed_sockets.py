"""A provider that signs over real sockets: headers, signed paths, files longer than an answer."""

from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest

from adapters.mobilemoney.senders import SENDERS
from adapters.mobilemoney.sending import Answered, Ask, Call, Came, Given
from channels.mobilemoney.client import MAX_ANSWER, Client
from channels.mobilemoney.provider import provider
from simulators.mobilemoney.book import Movement
from simulators.mobilemoney.purse import Purse
from tests.channels.mobilemoney.test_client import resolving
from tests.channels.mobilemoney.test_signed import DIALECTS, SECRETS, SETTINGS
from tests.loop import fired, run

LINES = 3_000


def given(name: str) -> Given:
    paths = dict(provider(name).data.paths)
    if name == "unionpay":
        paths["bill"] = "/files"  # another host of theirs; here it is the same
    return Given(
        paths=paths, settings=SETTINGS[name], secrets=SECRETS, now=datetime.now(UTC), nonce="AB12",
        address=lambda kind, reference: f"http://127.0.0.1:9/{kind}/{reference}",
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_an_order_and_the_file_of_its_day(name: str) -> None:
    sender = SENDERS[name]

    async def whole(reactor: Any) -> None:
        purse = Purse(reactor, DIALECTS[name]())
        port = await fired(purse.start())
        client = Client(reactor, f"http://127.0.0.1:{port}")
        threads = resolving(reactor)

        async def said(call: Call) -> Answered:
            found: Answered = await fired(client.call(sender.sign(call, given(name)), "", 30))
            return sender.open_answer(found, given(name))

        try:
            asked = Ask(reference=str(UUID(int=7)), payer="", amount=Decimal("12.30"),
                        currency="CNY", shown="电费", at=datetime.now(UTC))  # fmt: skip
            result = sender.read_ask(await said(sender.ask(given(name), asked)))
            assert (result.came, bool(result.shown)) == (Came.TAKEN, True)
            status = sender.status(given(name), asked)
            assert status is not None
            assert sender.read_status(await said(status)).came is Came.ABSENT
            await the_file(purse, said)
        finally:
            await fired(client.close())
            await fired(purse.stop())
            threads.stop()

    async def the_file(purse: Purse, said: Any) -> None:
        at, chance = purse.wall(), Random(7)  # what cannot be packed small
        for number in range(LINES):
            key, shown = (f"{chance.getrandbits(128):032x}" for _ in range(2))
            receipt = purse.next_receipt()
            purse.book.pay(Movement(receipt, at, number + 1, "8613800000000", key, f"电费{shown}"))
        assert sender.bill is not None
        assert sender.read_bill is not None
        assert sender.open_bill is not None
        day = purse.book.day_of(at)
        where = sender.read_bill(await said(sender.bill(given(name), day)))
        data = (await said(sender.fetch_bill(where))).body if where.url else b""
        assert max(len(data), len(where.content)) > MAX_ANSWER * 3 // 4
        found = sender.open_bill(given(name), day, where, data)
        assert sum(each.amount for each in found.lines) == Decimal(purse.book.total()).scaleb(-2)

    run(whole)
