"""What can be wrong with a tariff, a bill's inputs, or both together."""

from __future__ import annotations


class TariffError(ValueError):
    """A tariff that cannot be priced. ``index`` is the component at fault, None for the whole."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class NoTariffError(LookupError):
    """No version of the tariff is in force on the day asked for, or none that can be sold so."""


class MissingQuantityError(LookupError):
    """A charge is per something (``sanctioned_kw``, ``units.peak``) that is not stated."""


class BillError(ValueError):
    """Inputs that the tariff cannot bill: the tariff does not say what is needed to do so."""
