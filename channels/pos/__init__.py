"""POS: ISO 8583 terminals and switches, over TCP or TLS. See README.md beside this."""

from channels.pos.cases import checked, linted
from channels.pos.config import PosConfig
from channels.pos.service import build, check
from hub.channel import ChannelSpec

CHANNEL = ChannelSpec(
    kind="pos",
    config=PosConfig,
    build=build,
    mappings={"pos": linted},
    cases={"pos": checked},
    check=check,
)
