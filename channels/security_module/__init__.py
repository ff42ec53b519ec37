"""A security module on the network: orders of tokens out, what became of them in. See README.md."""

from channels.security_module.config import ModuleConfig
from channels.security_module.service import build
from hub.channel import ChannelSpec

CHANNEL = ChannelSpec(kind="security_module", config=ModuleConfig, build=build)
