"""The live output: each line says which part spoke. Colours only on a terminal."""

import time
from dataclasses import dataclass
from typing import TextIO

#: How long a line stands before the next one, for an audience.
SLOW_S = 0.9
_COLOURS = {
    "customer": "36",
    "phone": "96",
    "network": "34",
    "hub": "33",
    "meter": "35",
    "operator": "32",
    "wattbus": "33",
    "books": "32",
}
_WIDTH = 9


@dataclass(slots=True)
class Show:
    """Writes to ``out``; ``slow`` paces it."""

    out: TextIO
    slow: bool = False
    colour: bool = False

    def act(self, number: int, title: str) -> None:
        """A new act."""
        self._write("")
        self._write(self._painted("1", f"Act {number}. {title}"))
        self._pause(2)

    def says(self, who: str, text: str) -> None:
        """One part speaks; further lines stand under the first."""
        first, *more = text.splitlines() or [""]
        self._write(f"  {self._painted(_COLOURS.get(who, '0'), who.rjust(_WIDTH))}  {first}")
        for line in more:
            self._write(f"  {' ' * _WIDTH}  {line}")
        self._pause(1 + len(more) / 3)

    def checked(self, text: str) -> None:
        """Something was compared with what it must be, and is it."""
        self._write(self._painted("2", f"  {'ok'.rjust(_WIDTH)}  {text}"))

    def plain(self, text: str) -> None:
        """Nobody of the story speaks."""
        self._write(text)

    def _painted(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def _write(self, text: str) -> None:
        self.out.write(text + "\n")
        self.out.flush()

    def _pause(self, lines: float) -> None:
        if self.slow:
            time.sleep(SLOW_S * lines)
