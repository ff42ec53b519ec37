"""``wattbus worker``: one worker process on PostgreSQL; ``wattbus run`` starts them by itself."""

from typing import Annotated

import typer

from hub.verbs._shared import DEFAULT, ConfigOption, configuration

NAME = "worker"


def command(
    config: ConfigOption = DEFAULT,
    index: Annotated[int, typer.Option(help="Which of the node's workers this is.")] = 0,
    bulk: Annotated[bool, typer.Option("--bulk", help="Of the bulk lane: bill runs.")] = False,
) -> None:
    """Run one worker process on the partitions that it leases, until SIGTERM."""
    from hub import bulkprocess, observe, otherlogs, workerprocess

    settings = configuration(config)
    observe.configure(settings.hub.log)
    otherlogs.capture()
    (bulkprocess if bulk else workerprocess).run(settings, index)
