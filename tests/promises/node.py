"""The node under test: the product's own service and workers, with the test channel beside them.

``python -m tests.promises.node run|worker -c CONFIG [--index N]``. The environment says what is to
go wrong: ``PROMISE_MUTANT`` is a variant of ``mutants.py``, ``PROMISE_BUS=twice`` a bus that
delivers everything twice, ``PROMISE_LEASE_S`` a shorter lease and a shorter patience with who is
frozen. A file ``var/arm/POINT`` arms a failpoint: the first process that passes it takes the file
away and is killed there; nobody dies of it twice. ``var/freeze/POINT`` stops it there instead.
"""

import argparse
import os
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from hub import bulkprocess, config, failpoints, leases, observe, workerprocess
from hub.inbox import Delivery
from hub.worker import Worker
from tests.promises import mutants, poison
from tests.promises.linechannel import spec_of

WORKER = ("tests.promises.node", "worker")


def arm_by_files(folder: Path) -> None:
    """Let files arm the failpoints, so that a test can aim while the node runs."""
    hit = failpoints.hit
    for name in ("arm", "freeze"):
        (folder / name).mkdir(parents=True, exist_ok=True)

    def taken(path: Path, mark: str) -> bool:
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        (folder / mark).write_text(f"{path.name} {os.getpid()}", encoding="ascii")
        return True

    def hit_or_die(name: str) -> None:
        if taken(folder / "arm" / name, "fired"):
            failpoints.arm(name)
            hit(name)
        if taken(folder / "freeze" / name, "frozen"):
            os.kill(os.getpid(), signal.SIGSTOP)

    failpoints.hit = hit_or_die


def deliver_twice() -> None:
    """The bus hands over every batch a second time, after the first has been committed."""
    once = Worker.process

    def twice(self: Worker, fetched: Sequence[Delivery]) -> None:
        once(self, fetched)
        once(self, fetched)

    Worker.process = twice  # type: ignore[method-assign]


def shorten_leases(settings: config.Config, seconds: float) -> None:
    """So that a test need not wait for the product's five seconds."""
    leases.LEASE_US = int(seconds * 1e6)
    settings.database.idle_s = seconds * 2


def main() -> None:
    """What the environment asks for, then the product's own way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["run", "worker"])
    parser.add_argument("-c", dest="config", type=Path)
    parser.add_argument("--index", type=int, default=0)
    parser.add_argument("--bulk", action="store_true")
    given = parser.parse_args()
    settings = config.read(given.config)
    arm_by_files(settings.path(settings.hub.data))
    if name := os.environ.get("PROMISE_MUTANT"):
        mutants.install(name)
    if os.environ.get("PROMISE_BUS") == "twice":
        deliver_twice()
    if seconds := os.environ.get("PROMISE_LEASE_S"):
        shorten_leases(settings, float(seconds))
    observe.configure("text")
    cured = settings.path(settings.hub.data) / "cured"
    with poison.installed(cured.exists):
        if given.verb == "worker":
            (bulkprocess if given.bulk else workerprocess).run(settings, given.index, spec_of)
            return
        from hub.reactor import install

        reactor = install()
        from hub.lifecycle import service
        from hub.verbs.run import run

        run(reactor, settings, partial(service, spec_of=spec_of, worker=WORKER))


if __name__ == "__main__":
    main()
