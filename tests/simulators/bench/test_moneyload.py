"""The provider of `bench mobile-money`: its notices are ones that we read, and a no is counted."""

import asyncio
import time
from typing import Any

from adapters.mobilemoney.providers import read
from adapters.mobilemoney.reading import Said
from simulators.bench.load import Run, Smsc
from simulators.bench.moneyload import Payers, Posts, feed
from simulators.bench.town import meter_of

WHERE = {"port": 1, "path": "/pay/confirmation/abc", "short_code": "600966"}


def town(households: int = 10) -> tuple[Payers, Smsc]:
    made = Payers(households, WHERE)
    return made, Smsc(made)


def order(smsc: Smsc, **given: Any) -> Run:
    smsc.run = Run({"warm": 0, "seconds": 100, **given}, time.monotonic())
    return smsc.run


def test_a_notice_is_one_that_we_read() -> None:
    made, _ = town()
    seen = set()
    for _ in range(3):
        head, _, body = made.next(0.0).partition(b"\r\n\r\n")
        assert head.startswith(b"POST /pay/confirmation/abc HTTP/1.1\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        found = read("mpesa", body, "confirmation")
        assert (found.said, str(found.amount)) == (Said.PAID, "200.00")
        assert found.account in {meter_of(house) for house in range(10)}
        seen.add(found.receipt)
    assert len(seen) == 3


def test_who_waits_is_bounded_in_both_ways_of_feeding() -> None:
    made, smsc = town(100)
    posts = Posts(smsc, 1)
    run = order(smsc, in_flight=7, window=5)
    feed(smsc, made, posts, run.due)
    assert (posts.queued, len(made.since)) == (5, 5)
    run = order(smsc, per_s=1_000.0)
    feed(smsc, made, posts, run.due + 60.0)
    assert made.room == 0  # half of the town waits
    feed(smsc, made, posts, run.end)
    assert len(made.since) == 50


async def _conversation(answers: list[bytes]) -> tuple[Run, list[bytes]]:
    made, smsc = town()
    run = order(smsc)
    seen: list[bytes] = []
    done = asyncio.Event()

    async def hub(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answers:
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
            seen.append(await reader.readexactly(size))
            writer.write(answers.pop(0))
        done.set()
        writer.close()

    server = await asyncio.start_server(hub, "127.0.0.1", 0)
    posts = Posts(smsc, server.sockets[0].getsockname()[1])
    sender = asyncio.create_task(posts.serve())
    posts.add(made.next(0.0))
    posts.add(made.next(0.0))
    await asyncio.wait_for(done.wait(), 30)
    sender.cancel()
    server.close()
    return run, seen


def test_a_full_hub_is_told_again_and_a_no_is_counted() -> None:
    full, bad, good = (
        b"HTTP/1.1 %d x\r\nContent-Length: 2\r\n\r\nok" % code for code in (503, 404, 200)
    )
    run, seen = asyncio.run(_conversation([full, bad, good]))
    assert (run.pushed_back, run.others) == (1, 1)
    assert seen[0] == seen[2] != seen[1]
