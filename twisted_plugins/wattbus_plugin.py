"""Makes ``twist wattbus`` known to Twisted; the module is named as text: nothing is imported."""

from twisted.application.service import ServiceMaker

wattbus = ServiceMaker(
    "Wattbus",
    "hub.tap",
    "The message gateway of a utility: channels, bus, workers.",
    "wattbus",
)
