"""What a version of a tariff document says of the calendar: seasons, time of use, categories."""

from typing import Annotated, Literal

import msgspec

from core.documents import Misfit
from core.tariffs.doc_base import Quantity, Text
from core.tariffs.shapes import Category, Limits, Season, TouPeriod

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DayOfYear = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z", description="a day like 05-31"
    ),
]
Hours = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)\Z",
        description="hours like 07:00-23:00",
    ),
]
_LOOK_BACK = Annotated[int, msgspec.Meta(ge=1, le=60)]  # five years of closed months


class SeasonDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A part of every year, both days included."""

    name: Text
    first: DayOfYear = msgspec.field(name="from")
    last: DayOfYear = msgspec.field(name="to")

    def shape(self) -> Season:
        """As it is priced."""
        first, last = ((int(day[:2]), int(day[3:])) for day in (self.first, self.last))
        return Season(self.name, first, last)


class TouPeriodDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Hours of a period of the time of use; the first that fits counts."""

    name: Text
    days: tuple[Weekday, ...] = WEEKDAYS
    holidays: Literal["as_weekday", "never", "only", "also"] = "as_weekday"
    hours: tuple[Hours, ...] = ("00:00-24:00",)
    seasons: tuple[Text, ...] = ()

    def __post_init__(self) -> None:
        for first, last in self.shape().hours:
            if first >= last:
                raise Misfit("hours", "the end is after the beginning; split what passes midnight")

    def shape(self) -> TouPeriod:
        """As it is priced."""
        return TouPeriod(
            name=self.name,
            weekdays=tuple(WEEKDAYS.index(day) for day in self.days),
            holidays=self.holidays,
            hours=tuple((_minute(each[:5]), _minute(each[6:])) for each in self.hours),
            seasons=self.seasons,
        )


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


class CategoryBandDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A category up to an average."""

    category: Text
    up_to: Quantity | None = None


class CategoryDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The class of a customer by what he used on average."""

    by: Literal["trailing_average"]
    quantity: Text
    months: _LOOK_BACK
    least_months: _LOOK_BACK
    default: Text
    limits: Limits
    bands: tuple[CategoryBandDocument, ...]

    def __post_init__(self) -> None:
        limits = [band.up_to for band in self.bands]
        closed = [limit for limit in limits[:-1] if limit is not None]
        last = limits[-1] if limits else 0
        if last is not None or len(closed) < len(limits) - 1 or closed != sorted(set(closed)):
            raise Misfit("bands", "the limits rise, and only the last band has none")
        names = [band.category for band in self.bands]
        if self.default not in names:
            raise Misfit("default", "must be one of the bands' categories", names)
        if self.least_months > self.months:
            raise Misfit("least_months", "more months than are looked at")

    def shape(self) -> Category:
        """As it is priced."""
        return Category(
            quantity=self.quantity,
            months=self.months,
            least_months=self.least_months,
            default=self.default,
            limits=self.limits,
            bands=tuple((band.up_to, band.category) for band in self.bands),
        )
