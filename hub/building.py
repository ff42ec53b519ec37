"""Links and channels from their sections of the configuration: built with the node, and anew
whenever they open again."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import ValidationError, convert

from hub.channel import Channel, ChannelSpec
from hub.config import ChannelSection, Config, ConfigError
from hub.groups import Group
from hub.ports import HubPorts


@dataclass(slots=True)
class Builder:
    """Makes links and channels; what it made last is in ``links`` and ``channels``."""

    config: Config
    reactor: Any
    specs: Mapping[str, ChannelSpec]
    make_ports: Callable[[str, str], HubPorts]  # (name, company)
    channels: dict[str, Channel]
    links: dict[str, Any]
    ports: dict[str, HubPorts]

    def all(self) -> None:
        """Everything of the configuration. ConfigError with all that is wrong."""
        for name in self.config.links:
            self._link(name)
        problems = []
        for name, section in self.config.channels.items():
            self.ports[name] = self.make_ports(name, section.company)
            problems += self._channel(name)
        if problems:
            raise ConfigError(problems)

    def group(self, group: Group, channels: tuple[str, ...]) -> None:
        """These channels of a group anew, and its links. ConfigError, ValueError, LookupError."""
        for name in group.links:
            self._link(name)
        problems = [problem for name in channels for problem in self._channel(name)]
        if problems:
            raise ConfigError(problems)

    def _link(self, name: str) -> None:
        section = self.config.links[name]
        module = importlib.import_module(f"hub.links.{section.kind}")
        made = module.make_link(name, section.options, self.reactor, self.config.base)
        self.links[name] = made

    def _channel(self, name: str) -> list[str]:
        section, spec = self.config.channels[name], self.specs[name]
        try:
            options = convert(section.options, spec.config)
        except ValidationError as error:
            return [_option_problem(section, spec, error)]
        try:
            self.channels[name] = spec.build(self.ports[name], options)
        except (ValueError, LookupError) as error:  # a mapping, a file of keys, a link
            return [f"[channels.{name}] {error}"]
        return []


def _option_problem(section: ChannelSection, spec: ChannelSpec, error: Exception) -> str:
    known = ", ".join(spec.config.__struct_fields__)
    return f"[channels.{section.name}] {error} (known: {known})"
