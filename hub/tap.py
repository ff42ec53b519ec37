"""``twist --reactor=asyncio wattbus -c wattbus.toml``: a node as a Twisted service."""

from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.python import usage

from hub.config import ConfigError, read


class Options(usage.Options):
    """The options of ``twist wattbus``."""

    optParameters = (  # noqa: N815 - Twisted's name
        ("config", "c", "wattbus.toml", "The configuration file."),
    )


class NodeService(Service):
    """A node whose life follows the application's."""

    def __init__(self, node: Any) -> None:
        self.node = node

    def startService(self) -> None:  # noqa: N802 - Twisted's name
        """Start; a start that fails stops the reactor with its sentence."""
        super().startService()  # type: ignore[no-untyped-call]
        self.node.start().addErrback(self._fault)

    def _fault(self, failure: Any) -> None:
        print(f"the hub did not start: {failure.getErrorMessage()}")
        self.node.hub.reactor.stop()

    def stopService(self) -> Any:  # noqa: N802 - Twisted's name
        """Drain; the reactor waits for it."""
        super().stopService()  # type: ignore[no-untyped-call]
        return self.node.stop()


def makeService(options: Options) -> NodeService:  # noqa: N802 - Twisted's name
    """What the plugin calls. Leaves with a sentence when the node cannot be made."""
    from hub.engine import EngineError
    from hub.reactor import WrongReactorError, install

    try:
        reactor = install()
        from hub import observe
        from hub.lifecycle import service

        config = read(Path(options["config"]))
        observe.configure(config.hub.log)
        return NodeService(service(config, reactor))
    except (WrongReactorError, ConfigError, EngineError) as error:
        raise SystemExit(f"wattbus: {error}") from error
