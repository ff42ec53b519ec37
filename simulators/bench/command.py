"""The command line of the benches. Its help is the docstring of :func:`run`."""

import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from simulators.bench import (
    accounts as accounts_,
)
from simulators.bench import (
    billing,
    floats,
    full,
    iso8583,
    money,
    path,
    pos,
    sales,
    soak,
    sts,
    submit,
    yardstick,
)
from simulators.bench.options import Options
from simulators.bench.population import NoRoomError
from simulators.bench.servers import ServerMissingError
from simulators.bench.town import HOUSEHOLDS

Bench = Callable[[Options], dict[str, Any]]
BENCHES: Mapping[str, tuple[Bench, str, tuple[str, ...]]] = {
    module.NAME: (module.run, module.HELP, module.ENGINES)
    for module in (
        sts,
        iso8583,
        submit,
        sales,
        path,
        full,
        pos,
        money,
        floats,
        billing,
        accounts_,
        soak,
    )
}
#: Where it is not 3.
ROUNDS: Mapping[str, int] = {billing.NAME: billing.LEAST_ROUNDS}
#: How many there are, unless it is said: who is billed, and how many accounts it shall hold.
ACCOUNTS: Mapping[str, int] = {billing.NAME: 100_000, accounts_.NAME: 10_000_000}
#: ``--quick``: to see whether it works, not to quote.
QUICK_S, QUICK_ROUNDS, QUICK_HOUSEHOLDS = 5, 1, 4_000

NameArgument = Annotated[str, typer.Argument(help=" | ".join(BENCHES))]
EngineOption = Annotated[
    str,
    typer.Option(help="sqlite | postgresql | rabbitmq: what a bench does not know it says."),
]
QuickOption = Annotated[
    bool, typer.Option("--quick", help="One short round on a small town: to try, not to quote.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="The figures as one JSON object, the last line of output.")
]
SecondsOption = Annotated[int, typer.Option(help="Length of a round; 0: 20 s, quick 5 s.")]
RoundsOption = Annotated[int, typer.Option(help="Rounds in turn with the yardstick; 0: 3.")]
HouseholdsOption = Annotated[int, typer.Option(help="Size of the town; 0: 20,000, quick 4,000.")]
AccountsOption = Annotated[
    int, typer.Option(help="How many; 0: billing 100,000, accounts 10,000,000.")
]
NodesOption = Annotated[str, typer.Option(help="Of full: how many nodes, in turn, as 1,2,3.")]
MinutesOption = Annotated[float, typer.Option(min=0.01, help="Of soak: how long.")]
#: Nodes on one machine: more only divide its cores.
MOST_NODES = 9
TenfoldOption = Annotated[
    bool, typer.Option("--tenfold", help="Of billing: once more with ten times as many.")
]
ScaleOption = Annotated[int, typer.Option(help="Scale of TPC-B's tables; 50 is the yardstick.")]


def run(
    name: NameArgument,
    engine: EngineOption = "postgresql",
    quick: QuickOption = False,
    json_: JsonOption = False,
    seconds: SecondsOption = 0,
    rounds: RoundsOption = 0,
    households: HouseholdsOption = 0,
    scale: ScaleOption = yardstick.SCALE,
    accounts: AccountsOption = 0,
    tenfold: TenfoldOption = False,
    nodes: NodesOption = "1",
    minutes: MinutesOption = 30.0,
) -> None:
    """Measures Wattbus beside a yardstick, in the same run on the same cores.

    Absolute figures change from machine to machine and from hour to hour; ratios do not, so each
    bench takes turns with something well known and says how it compares.

    sts: tokens a second on one core, for each algorithm, decoder keys cached and derived anew.

    iso8583: messages a second on one core, read and written, beside pyiso8583 on the same octets.

    submit: submit_sm a second that npm "smpp" answers us, at windows 1, 10 and 50, beside an echo
    of the same octets; and what 1 % of throttled submits costs.

    sales: purchases a second that journal and workers do without a wire, beside TPC-B (pgbench,
    scale 50, prepared, 16 clients) on the same private server; on SQLite beside bare commits.

    path: a text comes in from an SMSC, the token goes out: the running hub with its worker
    processes, everything real. Its most, with all workers and with one; its p50 and p99 at 100 a
    second and at half of that most; the CPU time of a sale by part.
    full: the same on several nodes in turn, with metrics looked at, and beside a bill run.
    pos: the same from 0200 to 0210, at 200 terminals; mobile-money: from notice to token, and 50/s.
    floats: 64 tills sell on one agent's float, beside pgbench updating one row.

    billing: bills a second, from plan to open item, beside raw COPY of the very rows; corrections.

    accounts: ten million loaded; size on disk, start, memory and latency beside 100,000.
    soak: steady sales for --minutes; exit 1 when memory or open files grow.

    Servers are private: started for the bench in folders of their own, durable as they come,
    stopped and removed at the end. Progress goes to standard error.
    """
    measure = _chosen(name, engine)
    options = Options(
        engine=engine,
        seconds=seconds or (QUICK_S if quick else yardstick.SECONDS),
        rounds=rounds or (QUICK_ROUNDS if quick else ROUNDS.get(name, 3)),
        households=households or accounts or _size(name, quick),
        scale=scale,
        tenfold=tenfold,
        nodes=_counts(nodes),
        minutes=minutes,
        say=_sayer(),
    )
    figures = _measured(measure, options)
    print(json.dumps(figures) if json_ else table(figures))
    if figures.get("failed"):
        raise typer.Exit(1)


def _chosen(name: str, engine: str) -> Bench:
    if name not in BENCHES:
        raise SystemExit(f"no bench {name!r} (known: {', '.join(BENCHES)})")
    measure, _, engines = BENCHES[name]
    if engines and engine not in engines:
        raise SystemExit(f"bench {name} knows no engine {engine!r} (known: {', '.join(engines)})")
    return measure


def _counts(text: str) -> tuple[int, ...]:
    """``1,2,3``; exit 2 for anything else."""
    given = text.split(",")
    if all(one.isdecimal() and 0 < int(one) <= MOST_NODES for one in given):
        return tuple(map(int, given))
    raise typer.BadParameter(f"{text!r}: numbers from 1 to {MOST_NODES}, as 1,2,3")


def _size(name: str, quick: bool) -> int:
    if quick:
        return QUICK_HOUSEHOLDS
    return ACCOUNTS.get(name, HOUSEHOLDS)


def _measured(measure: Bench, options: Options) -> dict[str, Any]:
    """The figures; exit 1 without a server. Who is ended by SIGTERM ends his servers first."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return measure(options)
    except (ServerMissingError, NoRoomError) as error:
        print(f"this bench could not be run: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    finally:
        signal.signal(signal.SIGTERM, before)


def _sayer() -> Callable[[str], None]:
    begin = time.monotonic()

    def say(sentence: str) -> None:
        print(f"[{time.monotonic() - begin:6.1f} s] {sentence}", file=sys.stderr, flush=True)

    return say


def table(figures: Mapping[str, Any], indent: str = "") -> str:
    """Figures for people: a name and a value a line, groups set in."""
    lines = []
    width = max((len(name) for name in figures), default=0)
    for name, value in figures.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{name}:", table(value, indent + "  ")]
        else:
            shown = f"{value:,}" if isinstance(value, int | float) else str(value)
            lines.append(f"{indent}{name:<{width}}  {shown}")
    return "\n".join(lines)
