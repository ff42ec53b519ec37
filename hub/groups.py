"""Which channels and links hang together, so that one node holds them all: what a seat is of."""

from collections.abc import Mapping
from dataclasses import dataclass

from hub.sections import ChannelSection, LinkSection


@dataclass(frozen=True, slots=True)
class Group:
    """A seat of channels: its name, what opens with it, and the nodes that may hold it (empty: any
    that has the role)."""

    seat: str
    channels: tuple[str, ...]
    links: tuple[str, ...]
    nodes: tuple[str, ...] = ()

    def may(self, node: str) -> bool:
        """Whether a node of this name may hold it."""
        return not self.nodes or node in self.nodes


def groups(
    channels: Mapping[str, ChannelSection], links: Mapping[str, LinkSection]
) -> dict[str, Group]:
    """Seat -> group. A link's seat has the link's name; a channel without one has its own."""
    of_link: dict[str, list[str]] = {name: [] for name in links}
    found = {}
    for name, section in channels.items():
        link = section.options.get("link")
        if isinstance(link, str) and link in of_link:
            of_link[link].append(name)
        else:
            seat = f"{name}/channel" if name in links else name
            found[seat] = Group(seat, (name,), (), section.nodes)
    for link, names in of_link.items():
        pins = channels[names[0]].nodes if names else ()
        found[link] = Group(link, tuple(names), (link,), pins)
    return found


def unlike_pins(
    channels: Mapping[str, ChannelSection], links: Mapping[str, LinkSection]
) -> list[tuple[str, str]]:
    """Channels whose ``nodes`` differ from those of the first channel on their link, with it."""
    return [
        (name, group.channels[0])
        for group in groups(channels, links).values()
        for name in group.channels[1:]
        if sorted(channels[name].nodes) != sorted(group.nodes)
    ]
