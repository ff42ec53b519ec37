"""The scenarios, as data: what is broken and how, under which load, and how long it may hurt."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.faults import breaks
from tests.faults.load import Pace
from tests.faults.site import BROKER, DATABASE, EDGE, Site

SQLITE, POSTGRESQL, RABBITMQ = "sqlite", "postgresql", "rabbitmq"
ALL = (SQLITE, POSTGRESQL, RABBITMQ)
SERVERS = (POSTGRESQL, RABBITMQ)
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Form:
    """How much of a scenario is played: how long the fault lasts, how often, at what load."""

    seconds: float = 5.0
    times: int = 1
    rate: float = 10.0
    workers: int = 2
    #: beyond these the edge says "come again"; as many a second are taken in at most
    open_messages: int = 20_000

    @property
    def pace(self) -> Pace:
        """For the load."""
        return Pace(self.rate)


@dataclass(frozen=True, slots=True)
class Scenario:
    """``says`` is the line of the table: what is broken, and how it is healed."""

    name: str
    says: str
    engines: tuple[str, ...]
    breaks: Callable[[Site], None]
    full: Form = field(default_factory=Form)
    short: Form = field(default_factory=Form)
    #: engines of the short form; none: the full form alone has it
    in_short: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    is_drill: bool = False
    needs_small_disk: bool = False
    has_mad: bool = False  # a network without sense, beside the counterpart
    #: the longest that any recovery may take, on a busy machine
    limit_s: float = 120.0


MINUTE = Form(MINUTE_S)
#: Long enough that a stage has found out and rests.
SOME = Form(3.0)

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "processes-killed",
        "kill -9 of the node or a worker at random moments, one after the other",
        ALL, breaks.processes_killed, Form(times=200), Form(times=3), (SQLITE, RABBITMQ),
    ),
    Scenario(
        "database-restarted", "PostgreSQL restarted (fast)",
        SERVERS, partial(breaks.database_restarted, how=signal.SIGINT),
    ),
    Scenario(
        "database-restarted-immediate", "PostgreSQL restarted (immediate: it recovers its log)",
        SERVERS, partial(breaks.database_restarted, how=signal.SIGQUIT),
        in_short=(RABBITMQ,),
    ),
    Scenario(
        "database-killed-in-commit", "kill -9 of PostgreSQL while a COMMIT is under way",
        SERVERS, breaks.database_killed_in_commit, Form(times=10), Form(times=2), (RABBITMQ,),
        through=(DATABASE,),
    ),
    Scenario(
        "commit-lost", "the connection ends at COMMIT, before it arrives",
        SERVERS, partial(breaks.commit_cut, arrives=False), Form(times=20), Form(times=3),
        through=(DATABASE,),
    ),
    Scenario(
        "commit-unanswered", "the connection ends at COMMIT: it is done, and nobody is told",
        SERVERS, partial(breaks.commit_cut, arrives=True), Form(times=20), Form(times=3),
        (RABBITMQ,), through=(DATABASE,),
    ),
    Scenario(
        "database-stopped", "PostgreSQL stopped (a minute; short: 3 s)",
        SERVERS, breaks.database_stopped, MINUTE, SOME, (RABBITMQ,),
    ),
    Scenario(
        "database-full", "every connection of PostgreSQL is another's, ours are ended",
        SERVERS, breaks.database_full_of_others, Form(30.0), SOME, (RABBITMQ,),
    ),
    Scenario(
        "database-slow", "PostgreSQL answers every statement two seconds late",
        SERVERS, breaks.database_slow, MINUTE, Form(12.0), through=(DATABASE,),
    ),
    Scenario(
        "broker-restarted", "RabbitMQ restarted",
        (RABBITMQ,), breaks.broker_restarted,
    ),
    Scenario(
        "broker-killed", "kill -9 of RabbitMQ, and up again",
        (RABBITMQ,), breaks.broker_killed, in_short=(RABBITMQ,),
    ),
    Scenario(
        "broker-stopped", "RabbitMQ stopped (a minute; short: 3 s)",
        (RABBITMQ,), breaks.broker_stopped, MINUTE,
    ),
    Scenario(
        "broker-out-of-memory", "RabbitMQ's memory alarm is set",
        (RABBITMQ,), breaks.broker_out_of_memory, MINUTE, SOME, (RABBITMQ,),
    ),
    Scenario(
        "queue-deleted", "four queues of RabbitMQ deleted, with what was in them",
        (RABBITMQ,), breaks.queue_deleted, in_short=(RABBITMQ,),
    ),
    Scenario(
        "network-cut-database", "network cut between us and PostgreSQL",
        SERVERS, partial(breaks.network_cut, between=DATABASE), MINUTE, SOME,
        through=(DATABASE,),
    ),
    Scenario(
        "network-cut-broker", "network cut between us and RabbitMQ",
        (RABBITMQ,), partial(breaks.network_cut, between=BROKER), MINUTE, SOME,
        through=(BROKER,),
    ),
    Scenario(
        "network-cut-edge", "network cut between us and the counterpart",
        ALL, partial(breaks.network_cut, between=EDGE), MINUTE, SOME, (SQLITE,), through=(EDGE,),
    ),
    Scenario(
        "network-silent-database", "nothing passes between us and PostgreSQL, and nobody is told",
        SERVERS, partial(breaks.network_silent, between=DATABASE), MINUTE, SOME,
        through=(DATABASE,),
    ),
    Scenario(
        "network-silent-broker", "nothing passes between us and RabbitMQ, and nobody is told",
        (RABBITMQ,), partial(breaks.network_silent, between=BROKER), MINUTE, SOME,
        through=(BROKER,),
    ),
    Scenario(
        "half-open-database", "every connection to PostgreSQL is dead on the other side only",
        SERVERS, partial(breaks.network_half_open, between=DATABASE),
        through=(DATABASE,),
    ),
    Scenario(
        "half-open-broker", "every connection to RabbitMQ is dead on the other side only",
        (RABBITMQ,), partial(breaks.network_half_open, between=BROKER), through=(BROKER,),
    ),
    Scenario(
        "jitter-database", "a tenth of what passes to and from PostgreSQL is up to 0.5 s late",
        SERVERS, partial(breaks.network_jittery, between=DATABASE), MINUTE, SOME,
        through=(DATABASE,),
    ),
    Scenario(
        "jitter-broker", "a tenth of what passes to and from RabbitMQ is up to 0.5 s late",
        (RABBITMQ,), partial(breaks.network_jittery, between=BROKER), MINUTE, SOME,
        through=(BROKER,),
    ),
    Scenario(
        "jitter-edge", "a tenth of what passes to and from the counterpart is up to 0.5 s late",
        ALL, partial(breaks.network_jittery, between=EDGE), MINUTE, SOME, through=(EDGE,),
    ),
    Scenario(
        "clock-forward", "the clock jumps forward by an hour",
        ALL, breaks.clock_forward, Form(20.0), SOME, (SQLITE,), is_drill=True,
    ),
    Scenario(
        "clock-back", "the clock jumps back by an hour, and is set right",
        ALL, breaks.clock_back, Form(20.0), SOME, (SQLITE,), is_drill=True,
    ),
    Scenario(
        "disk-full", "the disk of the books (PostgreSQL: of the journal) is full, and is cleared",
        (SQLITE, POSTGRESQL), breaks.disk_full, Form(20.0), SOME, (SQLITE,), needs_small_disk=True,
    ),
    Scenario(
        "garbage", "a network answers our login with garbage, as fast as it goes, and falls silent",
        ALL, breaks.garbage, MINUTE, SOME, (SQLITE,), has_mad=True,
    ),
    Scenario(
        "ten-times", "ten times the load (ten minutes; short: 2 s), more than there is room for",
        ALL, breaks.ten_times, Form(600.0, rate=20.0, open_messages=2_000),
        Form(2.0, open_messages=60), (SQLITE,),
    ),
)  # fmt: skip


def named(name: str) -> Scenario:
    """The scenario of that name. KeyError."""
    return {each.name: each for each in SCENARIOS}[name]
