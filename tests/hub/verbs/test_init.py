"""What ``wattbus init`` writes names every setting, with what holds where it is not said."""

import re
import tomllib
from typing import Any

import msgspec
import pytest

from hub.config import _SINGLE
from hub.sections import LimitsSection, QuotaSection, RetentionSection
from hub.verbs.init import TEMPLATE

#: Sections whose every key is there, most of them in comments.
WHOLE: dict[str, type[msgspec.Struct]] = {
    **_SINGLE,
    "companies.demo.limits": LimitsSection,
    "companies.demo.retention": RetentionSection,
    "channels.ussd.quota": QuotaSection,
}
_COMMENTED = re.compile(r"# (\[[a-z_.]+\]|[a-z_]+ = .*)")
#: What is an example there: a plain word or number that is somebody's own.
EXAMPLES = {("hub", "name"), ("companies.demo.limits", "per_sale")}


def section(name: str) -> dict[str, Any]:
    """A section of the file, with what stands in comments."""
    lines, inside = [], False
    for line in TEMPLATE.format(http_port=8080, smpp_port=2775).splitlines():
        found = _COMMENTED.match(line)
        said = found[1] if found else line
        if said.startswith("["):
            inside = said.partition("]")[0] == f"[{name}"
        elif inside and not said.startswith("#"):
            lines.append(said)
    return tomllib.loads("\n".join(lines))


@pytest.mark.parametrize("name", WHOLE)
def test_every_key_is_named(name: str) -> None:
    fields = {field.name for field in msgspec.structs.fields(WHOLE[name])}
    assert set(section(name)) == fields


@pytest.mark.parametrize("name", [name for name in WHOLE if not name.startswith("channels")])
def test_what_is_said_of_numbers_and_words_is_what_holds(name: str) -> None:
    said, holds = section(name), WHOLE[name]()
    for key, value in said.items():
        default = getattr(holds, key)
        if (isinstance(default, str) and not default) or default == []:
            continue  # a file, an address: an example
        if (name, key) not in EXAMPLES:
            assert value == default, key
