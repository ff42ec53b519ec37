"""Makes ``twist wattbus`` known to Twisted; names the module as text, so nothing heavy is imported."""

from twisted.application.service import ServiceMaker

wattbus = ServiceMaker(
    "Wattbus",
    "hub.tap",
    "The message gateway of a utility: channels, bus, workers.",
    "wattbus",
)
