"""What is sent to each provider, by the names of :mod:`adapters.mobilemoney.providers`."""

from collections.abc import Mapping
from types import MappingProxyType

from adapters.mobilemoney import airtel_send, mpesa_send, mtn_send
from adapters.mobilemoney.sending import Sender

SENDERS: Mapping[str, Sender] = MappingProxyType(
    {each.name: each for each in (mpesa_send.SENDER, mtn_send.SENDER, airtel_send.SENDER)}
)
