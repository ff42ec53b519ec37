"""``wattbus run``: a node of the installation, until SIGTERM."""

from signal import SIGHUP, signal
from typing import Any

import typer

from hub.verbs._shared import DEFAULT, ConfigOption, configuration, die

NAME = "run"


def command(config: ConfigOption = DEFAULT) -> None:
    """Run the hub: channels, journal, bus and workers, until SIGTERM or Ctrl-C.

    It stops in order: nothing more is taken in, what is in flight is finished, then it closes.
    SIGHUP has it read its configuration again, as `wattbus reload` does.
    """
    from hub.reactor import install

    settings = configuration(config)
    reactor = install()
    from hub import observe, otherlogs
    from hub.lifecycle import service

    observe.configure(settings.hub.log)
    otherlogs.capture()
    run(reactor, settings, service)


def run(reactor: Any, settings: Any, service: Any) -> None:
    """Start the service, run the reactor, exit 1 when the start fails."""
    from hub.config import ConfigError
    from hub.engine import EngineError

    failed: list[str] = []
    try:
        made = service(settings, reactor)
    except (ConfigError, EngineError, LookupError, ValueError) as error:
        die(str(error), 2)
    reactor.callWhenRunning(_start, reactor, made, failed)
    reactor.addSystemEventTrigger("before", "shutdown", made.stop)
    signal(SIGHUP, lambda *_: reactor.callFromThread(_reload, made.hub))
    reactor.run()
    if failed:
        typer.secho(failed[0], err=True)
        raise typer.Exit(1)


def _start(reactor: Any, made: Any, failed: list[str]) -> None:
    def fault(failure: Any) -> None:
        failed.append(f"the hub did not start: {failure.getErrorMessage()}")
        reactor.stop()

    made.start().addErrback(fault)


def _reload(hub: Any) -> None:
    """Asked by a signal: nobody hears the answer, so it is in the log."""
    import structlog

    log = structlog.get_logger("hub.reload")
    done = hub.reload({"actor": "SIGHUP"})
    done.addErrback(lambda failure: log.error("hub.not-reloaded", error=str(failure.value)))
