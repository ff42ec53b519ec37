"""The numeric codes of ISO 4217 in DE49–51, for the currencies that are known here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_CODES: Final = """
AED784 AUD036 BDT050 BHD048 BIF108 BRL986 BWP072 CDF976 CNY156 EGP818 ETB230 EUR978 GBP826 GHS936
GMD270 GNF324 IDR360 INR356 IQD368 JOD400 JPY392 KES404 KMF174 KWD414 LKR144 LRD430 LSL426 LYD434
MAD504 MGA969 MUR480 MWK454 MYR458 MZN943 NAD516 NGN566 NPR524 OMR512 PHP608 PKR586 RWF646 SLE925
SZL748 THB764 TND788 TZS834 UGX800 USD840 XAF950 XOF952 ZAR710 ZMW967 ZWG924
"""
#: ``UGX`` → ``800``.
NUMERIC: Final[Mapping[str, str]] = MappingProxyType(
    {each[:3]: each[3:] for each in _CODES.split()}
)
_LETTERS: Final = {number: letters for letters, number in NUMERIC.items()}


def letters(code: str) -> str | None:
    """The three letters of a code in digits or letters; None: not known."""
    return code if code in NUMERIC else _LETTERS.get(code)
