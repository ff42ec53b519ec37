"""Due days of what a change makes owed."""

from datetime import timedelta

from core.calendars import local_date
from core.handlers.base import Context


def due_day(ctx: Context, days: int) -> str:
    """So many days from now, local, ISO."""
    return (local_date(ctx.now_us, ctx.terms.zone) + timedelta(days=days)).isoformat()
