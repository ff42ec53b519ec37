"""The providers that there are, by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from adapters.mobilemoney import airtel, mpesa, mtn
from adapters.mobilemoney.fields import Object, read_json
from adapters.mobilemoney.reading import NoticeError, Reading

Read = Callable[[Object, str], Reading]
PROVIDERS: Mapping[str, Read] = MappingProxyType(
    {mpesa.NAME: mpesa.read, mtn.NAME: mtn.read, airtel.NAME: airtel.read}
)


def read(provider: str, data: bytes, hint: str = "") -> Reading:
    """A provider's message. ``hint`` is what it was said to be (the address that it came to).

    NoticeError: not readable, or a provider that nobody knows.
    """
    found = PROVIDERS.get(provider)
    if found is None:
        known = ", ".join(sorted(PROVIDERS))
        raise NoticeError("", f"no provider {provider} (known: {known})")
    return found(read_json(data), hint)
