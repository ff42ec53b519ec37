"""A provider of mobile money: asks of payers out, what became of them and pay-ins in. README.md."""

from channels.mobilemoney.config import MobileMoneyConfig
from channels.mobilemoney.provider import load
from channels.mobilemoney.service import addresses_of, build, check
from hub.channel import ChannelSpec

CHANNEL = ChannelSpec(
    kind="mobilemoney",
    config=MobileMoneyConfig,
    build=build,
    check=check,
    inspectors={"wallet-addresses": addresses_of},
    mappings={"wallet-provider": lambda text: load(text, "wallet-provider")},
)
