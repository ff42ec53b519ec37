"""POS: ISO 8583 terminals and switches, over TCP or TLS. See README.md beside this."""

from channels.pos.cases import checked
from channels.pos.config import PosConfig
from channels.pos.profile import load
from channels.pos.service import build
from hub.channel import ChannelSpec

CHANNEL = ChannelSpec(
    kind="pos",
    config=PosConfig,
    build=build,
    mappings={"pos": load},
    cases={"pos": checked},
)
