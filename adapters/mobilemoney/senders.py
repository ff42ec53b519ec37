"""What is sent to each provider, by the names of :mod:`adapters.mobilemoney.providers`."""

from collections.abc import Mapping
from types import MappingProxyType

from adapters.mobilemoney import (
    airtel_send,
    alipay_send,
    mpesa_send,
    mtn_send,
    unionpay_send,
    wechat_send,
)
from adapters.mobilemoney.sending import Sender

_MODULES = (mpesa_send, mtn_send, airtel_send, wechat_send, alipay_send, unionpay_send)
SENDERS: Mapping[str, Sender] = MappingProxyType(
    {each.SENDER.name: each.SENDER for each in _MODULES}
)
