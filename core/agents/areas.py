"""Where an agent may sell and collect: the areas of service points. Pure.

A contract that names areas holds there alone; a service point of none lies in none of them. What is
known of service points is loaded where such an agent is in the batch, or an act may make one such
(``core.store.load_areas``); what a batch does to agreements counts at once.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from core.agents.entities import Agent
from core.book import Stage
from core.entities import Account, Agreement, Meter
from core.refusals import refuse

#: Links of a book: agreement's id -> area of its service point; service point's id -> its area;
#: account's id -> area -> how many agreements of it run there.
AREA_OF: Final = "area-of"
AREA_AT: Final = "area-at"
AREAS_OF: Final = "areas-of"
#: Said by operators and kept in each service point: a name, not a description.
_AREA: Final = re.compile(r"\S(.{0,38}\S)?")
#: An agent of more serves a country: supply groups say that better.
MAX_AREAS: Final = 64

_names = msgspec.json.Decoder(tuple[str, ...])


def wrong_area(area: str) -> str:
    """What is wrong with an area's name; empty: nothing."""
    if _AREA.fullmatch(area):
        return ""
    return f"an area is a name of 1 to 40 characters, no blank at its ends, not {area[:60]!r}"


def wrong_areas(areas: tuple[str, ...]) -> str:
    """What is wrong with those of a contract; empty: nothing."""
    if len(areas) > MAX_AREAS:
        return f"{len(areas)} areas; at most {MAX_AREAS}"
    return next(filter(None, map(wrong_area, areas)), "")


def areas_of(agent: Agent) -> tuple[str, ...]:
    """The areas of its contract; none: everywhere."""
    return _names.decode(agent.areas)


def may_sell_at(stage: Stage, agent: Agent, meter: Meter, agreement: Agreement) -> None:
    """Refuses a meter whose service point is in none of the agent's areas."""
    areas = areas_of(agent)
    if areas and stage.linked(AREA_OF, agreement.id) not in areas:
        raise refuse("agent-out-of-area", agent=agent.number, what=meter.drn)


def collects_for(stage: Stage, agent: Agent, account: Account) -> bool:
    """Whether the account has a service point in one of the agent's areas, with an agreement that
    runs."""
    areas = areas_of(agent)
    if not areas:
        return True
    known: Mapping[str, int] = stage.linked(AREAS_OF, account.id) or {}
    return any(known.get(area, 0) > 0 for area in areas)


def may_collect_for(stage: Stage, agent: Agent, account: Account) -> None:
    """Refuses an account that has no service point in the agent's areas."""
    if not collects_for(stage, agent, account):
        raise refuse("agent-out-of-area", agent=agent.number, what=account.number)


def begun(stage: Stage, agreement: int, account: int, point: int) -> None:
    """An agreement begins at a service point: what the next one of this batch must see."""
    area = stage.linked(AREA_AT, point)
    if area is not None:  # else nobody of this batch asks
        stage.link(AREA_OF, agreement, area)
        _one_more(stage, account, area, 1)


def ended(stage: Stage, account: int, point: int) -> None:
    """An agreement of the account ends there."""
    area = stage.linked(AREA_AT, point)
    if area is not None:
        _one_more(stage, account, area, -1)


def _one_more(stage: Stage, account: int, area: str, more: int) -> None:
    known: Mapping[str, int] = stage.linked(AREAS_OF, account) or {}
    stage.link(AREAS_OF, account, {**known, area: known.get(area, 0) + more})
