"""How long a registration lasts without being used."""

from typing import Final

MINUTE_US: Final = 60_000_000
DAY_US: Final = 1_440 * MINUTE_US
#: After a year without a purchase a number may be another person's.
YEAR_US: Final = 365 * DAY_US
