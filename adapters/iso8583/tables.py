"""The data elements of ISO 8583:1987, :1993 and :2003, in the standard's own notation.

One line a field: number or range, notation, name. Field 1 is the second bitmap and 65 the third,
which the codec reads itself. What the standard leaves to nations and partners (46-48, 54-63,
104-127) is as wide as it may be: dialects say what is in it.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from adapters.iso8583.spec import Kind, notation

_1987: Final = """
2 n..19 primary account number|3 n6 processing code|4 n12 amount, transaction
5 n12 amount, settlement|6 n12 amount, cardholder billing|7 n10 transmission date and time
8 n8 amount, cardholder billing fee|9-10 n8 conversion rate|11 n6 system trace audit number
12 n6 local time|13 n4 local date|14 n4 expiration date|15 n4 settlement date
16 n4 conversion date|17 n4 capture date|18 n4 merchant type|19-21 n3 country code
22 n3 entry mode|23 n3 card sequence number|24 n3 network international identifier
25 n2 condition code|26 n2 PIN capture code|27 n1 length of the approval code
28-31 x+n8 fee|32 n..11 acquirer|33 n..11 forwarder|34 ns..28 extended account number
35 z..37 track 2|36 z...104 track 3|37 an12 retrieval reference number|38 an6 approval code
39 an2 response code|40 an3 service restriction code|41 ans8 terminal|42 ans15 merchant
43 ans40 name and place|44 ans..25 additional response data|45 ans..76 track 1
46-48 ans...999 additional data|49-51 an3 currency code|52 b8 PIN block
53 n16 security control information|54 ans...120 additional amounts|55-63 ans...999 reserved
64 b8 message authentication code|66 n1 settlement code|67 n2 extended payment code
68-69 n3 country code|70 n3 network management code|71-72 n4 message number
73 n6 action date|74 n10 credits, number|75 n10 credits, reversal number
76 n10 debits, number|77 n10 debits, reversal number|78 n10 transfers, number
79 n10 transfers, reversal number|80 n10 enquiries, number|81 n10 authorisations, number
82 n12 credits, processing fees|83 n12 credits, transaction fees
84 n12 debits, processing fees|85 n12 debits, transaction fees|86 n16 credits, amount
87 n16 credits, reversal amount|88 n16 debits, amount|89 n16 debits, reversal amount
90 n42 original data elements|91 an1 file update code|92 an2 file security code
93 an5 response indicator|94 an7 service indicator|95 an42 replacement amounts
96 b8 message security code|97 x+n16 net settlement|98 ans25 payee
99-100 n..11 institution|101 ans..17 file name|102-103 ans..28 account
104 ans...100 description|105-127 ans...999 reserved|128 b8 message authentication code
"""

#: What 1993 says anew; the rest is as in 1987.
_1993: Final = """
5 n12 amount, reconciliation|12 n12 local date and time|13 n4 effective date
15 n6 settlement date|22 an12 point of service data|24 n3 function code
25 n4 message reason code|26 n4 business code|28 n6 reconciliation date
29 n3 reconciliation indicator|30 n24 original amounts|31 ans..99 acquirer reference
39 n3 action code|40 n3 service code|43 ans..99 name and place
44 ans..99 additional response data|46 ans...204 fees|53 b..48 security control information
55 b...255 chip data|56 n..35 original data elements|57 n3 authorisation life cycle
58 n..11 authorising agent|66 ans...204 original fees|70 n3 country code
71 n8 message number|72 ans...999 data record|82 n10 enquiries, reversal number
83 n10 payments, number|84 n10 payments, reversal number|85 n10 fee collections, number
90 n10 authorisations, reversal number|91-92 n3 country code|93-94 n..11 institution
95 ans..99 issuer reference|96 b...999 key management data|99 an..11 institution
105-106 n16 chargebacks, amount|107-108 n10 chargebacks, number|109-110 ans..84 fees
"""

#: What 2003 says anew; the rest is as in 1993. Its amounts carry currency and exponent.
_2003: Final = """
4-6 n16 amount with currency and exponent|7 n10 transmission date and time
8 n12 fee with currency|11 n12 system trace audit number|12 n14 local date and time
13 n6 effective date|15 n8 settlement date|17 n4 capture date|22 b16 point of service data
30 n32 original amounts|39 n4 action code|43 ans...999 name and place
44 ans...999 additional response data|56 n..41 original data elements
"""

VERSIONS: Final = (1987, 1993, 2003)


@cache
def standard(version: int) -> Mapping[int, tuple[str, Kind, int, int]]:
    """Number → (name, kind, size, digits of the length) of one version of the standard."""
    table: dict[int, tuple[str, Kind, int, int]] = {}
    for year, text in zip(VERSIONS, (_1987, _1993, _2003), strict=True):
        if year <= version:
            table.update(_rows(text))
    return MappingProxyType(dict(sorted(table.items())))


def _rows(text: str) -> Iterator[tuple[int, tuple[str, Kind, int, int]]]:
    for entry in text.strip().replace("\n", "|").split("|"):
        numbers, form, name = entry.split(" ", 2)
        first, _, last = numbers.partition("-")
        for number in range(int(first), int(last or first) + 1):
            yield number, (name, *notation(form))
