"""The providers that there are, by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from adapters.mobilemoney import airtel, alipay, mpesa, mtn, unionpay, wechat
from adapters.mobilemoney.fields import Object, read_json
from adapters.mobilemoney.reading import NoticeError, Reading

Read = Callable[[Object, str], Reading]
PROVIDERS: Mapping[str, Read] = MappingProxyType(
    {each.NAME: each.read for each in (mpesa, mtn, airtel, wechat, alipay, unionpay)}
)


def read(provider: str, data: bytes, hint: str = "") -> Reading:
    """A provider's message, opened where it was signed or enciphered. ``hint`` is what it was said
    to be (the address that it came to).

    NoticeError: not readable, or a provider that nobody knows.
    """
    found = PROVIDERS.get(provider)
    if found is None:
        known = ", ".join(sorted(PROVIDERS))
        raise NoticeError("", f"no provider {provider} (known: {known})")
    return found(read_json(data), hint)
