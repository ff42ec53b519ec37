"""What every process of a node asks before it works: channels' packages, ways, the schema."""

import importlib
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from core.store.upgrade import current, fits, head
from hub.channel import ChannelSpec
from hub.config import Config, ConfigError
from hub.engine import EngineError
from hub.routing import Routing

SpecOf = Callable[[str], ChannelSpec]
log = structlog.get_logger("hub.installed")


def channel_spec(kind: str) -> ChannelSpec:
    """The channel package that the configuration names. Raises ConfigError."""
    try:
        module = importlib.import_module(f"channels.{kind}")
    except ModuleNotFoundError as error:
        raise ConfigError([f"no channel of kind {kind} ({error})"]) from error
    spec: ChannelSpec = module.CHANNEL
    return spec


def check_schema(url: str) -> None:
    """The database must be at this version's schema, or at a later one with which this version
    can work (another node was upgraded first). Raises EngineError."""
    found, wanted = current(url), head()
    if fits(url):
        if found != wanted:
            log.warning("database.newer", schema=found, ours=wanted)
        return
    if found is not None and found > wanted:
        raise EngineError(
            f"the database is at schema {found}, which this version (at {wanted}) must not write: "
            "install the version that upgraded it"
        )
    raise EngineError(
        f"the database is at schema {found or 'none'}, this version needs {wanted}: "
        "run `wattbus db upgrade`"
    )


def check_folder(control: Path) -> None:
    """Nobody may listen at our control socket (a dead node answers nobody). EngineError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(5)
        if link.connect_ex(str(control)) == 0:
            raise EngineError(
                f"another node runs with the folder {control.parent}: each has one of its own, "
                "[hub] data"
            )


def make_routing(config: Config, specs: Mapping[str, ChannelSpec]) -> Routing:
    """Which channel instance carries which way, per company: the first that can."""
    carriers: dict[tuple[str, str], str] = {}
    for name, section in config.channels.items():
        for way in specs[name].carries:
            carriers.setdefault((section.company, way), name)
    return Routing(carriers, frozenset(config.bus.events))
