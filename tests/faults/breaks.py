"""How each thing is broken and healed, while load goes on. Each returns when it is healed."""

import signal

import pika

from hub.bus.topology import queue
from tests.faults import smalldisk
from tests.faults.servers import USUAL_WATERMARK
from tests.faults.site import DATABASE, Site
from tests.promises.checker import holds

#: An hour, by which clocks jump.
HOUR_S = 3_600.0
#: Part of the pieces that are late, and by how much at most.
LATE_SHARE, LATE_S = 0.1, 0.5
#: Octets of garbage after which it may stop; a socket's buffers alone hold some of it.
ENOUGH = 256 * 1024
#: By how much a slow database is slow, in the whole of a statement's way there and back.
SLOW_S = 2.0


# -- processes ------------------------------------------------------------------------------------


def processes_killed(site: Site) -> None:
    """One process after the other, at moments and of a kind that chance chooses."""
    for _ in range(site.times - 1):
        site.lasts(site.random.uniform(0.05, 1.5))
        site.kill_one()
        site.recovers()
    site.lasts(site.random.uniform(0.05, 1.5))
    site.kill_one()


# -- the database ---------------------------------------------------------------------------------


def database_restarted(site: Site, how: signal.Signals) -> None:
    """At once up again."""
    site.servers.postgres.restart(how)


def database_killed_in_commit(site: Site) -> None:
    """SIGKILL when a COMMIT is on its way to it: nobody knows what became of it."""
    proxy, postgres = site.proxies[DATABASE], site.servers.postgres
    for number in range(site.times):
        if number:
            site.recovers()
        seen: list[bytes] = []

        def commit(data: bytes, seen: list[bytes] = seen) -> None:
            if b"COMMIT" in data:
                seen.append(data)

        proxy.watch = commit
        site.until(lambda seen=seen: bool(seen), "a COMMIT is under way")  # type: ignore[misc]
        postgres.kill()
        proxy.watch = None
        postgres.run()


def commit_cut(site: Site, arrives: bool) -> None:
    """The connection ends at COMMIT: before it arrives, or before its answer comes back."""
    proxy = site.proxies[DATABASE]
    for number in range(site.times):
        if number:
            site.recovers()
        proxy.end_at(b"COMMIT", arrives)
        site.until(proxy.has_ended, "a connection has ended at its COMMIT")


def database_stopped(site: Site) -> None:
    """Away for a while."""
    postgres = site.servers.postgres
    postgres.end(signal.SIGINT)
    site.lasts()
    postgres.run()


def database_full_of_others(site: Site) -> None:
    """Every connection is another's, ours were ended."""
    postgres = site.servers.postgres
    try:
        postgres.hog(site.database)
        site.lasts()
    finally:
        postgres.let_go()


def database_slow(site: Site) -> None:
    """Every answer takes two seconds."""
    site.proxies[DATABASE].slow(SLOW_S / 2)
    site.lasts()
    site.proxies[DATABASE].heal()


# -- the broker -----------------------------------------------------------------------------------


def broker_restarted(site: Site) -> None:
    """In order."""
    site.servers.rabbit.end()
    site.servers.rabbit.run()


def broker_killed(site: Site) -> None:
    """SIGKILL, and up again."""
    site.servers.rabbit.kill()
    site.servers.rabbit.run()


def broker_stopped(site: Site) -> None:
    """Away for a while."""
    site.servers.rabbit.end()
    site.lasts()
    site.servers.rabbit.run()


def broker_out_of_memory(site: Site) -> None:
    """Its alarm is set: it takes nothing from who publishes."""
    rabbit = site.servers.rabbit
    rabbit.alarm("0")
    try:
        site.lasts()
    finally:
        rabbit.alarm(USUAL_WATERMARK)


def queue_deleted(site: Site) -> None:
    """By a hand that had no business there, with what was in it."""
    parameters = pika.URLParameters(site.servers.rabbit.server.url)
    link = pika.BlockingConnection(parameters)
    gone = 0
    for number in range(0, 16, 5):
        found = link.channel().queue_delete(queue(site.folder.name, number))
        gone += found is not None
    link.close()
    holds(gone > 0, "OPEN no queue was there to be deleted")


# -- the network ----------------------------------------------------------------------------------


def network_cut(site: Site, between: str) -> None:
    """Connections end, and new ones are ended at once."""
    site.proxies[between].cut()
    site.lasts()
    site.proxies[between].heal()


def network_silent(site: Site, between: str) -> None:
    """Nothing passes and nobody is told; then all that was sent comes at once."""
    site.proxies[between].hold()
    site.lasts()
    site.proxies[between].heal()


def network_half_open(site: Site, between: str) -> None:
    """What is connected hears nothing ever again; new connections are whole."""
    holds(site.proxies[between].connections() > 0, "OPEN nothing was connected")
    site.proxies[between].forget()


def network_jittery(site: Site, between: str) -> None:
    """A tenth of the pieces comes late."""
    site.proxies[between].jitter(site.random, LATE_SHARE, LATE_S)
    site.lasts()
    site.proxies[between].heal()


# -- the clock ------------------------------------------------------------------------------------


def clock_forward(site: Site) -> None:
    """By an hour, for good."""
    site.move_clock(HOUR_S)
    site.lasts()


def clock_back(site: Site) -> None:
    """By an hour, and right again: no token is made meanwhile."""
    site.move_clock(-HOUR_S)
    site.lasts()
    site.move_clock(HOUR_S)


# -- the disk -------------------------------------------------------------------------------------


def disk_full(site: Site) -> None:
    """Not a byte is free, until somebody has cleared up."""
    assert site.small_disk is not None
    before = site.refused()
    with smalldisk.filled(site.small_disk):
        site.until(lambda: site.refused() > before, "somebody is told that it is full")
        site.lasts()


# -- who is mad -----------------------------------------------------------------------------------


def garbage(site: Site) -> None:
    """A network answers our login with octets without sense, as fast as they go."""
    mad = site.mad
    assert mad is not None
    said, answers = mad.said, len(site.record.answers)
    mad.loud.set()
    site.lasts()
    site.until(lambda: mad.said > said + ENOUGH, "it was heard out, or logged in to again")
    site.until(lambda: len(site.record.answers) > answers + 10, "others are answered meanwhile")
    mad.loud.clear()


# -- load -----------------------------------------------------------------------------------------


def ten_times(site: Site) -> None:
    """Ten times the load; what finds no room is told so, and comes again."""
    assert site.load is not None
    before = site.refused()
    site.load.at_once = 10
    site.lasts()
    site.until(lambda: site.refused() > before, "somebody is told to come again")
    site.load.at_once = 1
