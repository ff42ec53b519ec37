"""SMS: commands from phones, notices to phones, delivery receipts. See README.md beside this."""

from channels.sms.config import SmsConfig
from channels.sms.service import build
from channels.sms.words import read_words
from hub.channel import ChannelSpec
from hub.texts import read_sheets

CHANNEL = ChannelSpec(
    kind="sms",
    config=SmsConfig,
    build=build,
    carries=("sms",),
    mappings={
        "sms-commands": lambda text: read_words(text, "sms-commands"),
        "texts": lambda text: read_sheets([("texts", text)]),
    },
)
