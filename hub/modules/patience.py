"""Calls into libraries that may never return, each with a limit.

They run one after the other in a thread of their own. Nothing can end a call that hangs: who asked
goes on without it, and until it returns every other call is refused at once.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Reply = SimpleQueue[tuple[Any, BaseException | None]]


class Patience:
    """A thread for one library's calls, started with the first of them; any thread may ask."""

    def __init__(self, name: str, limit_s: float) -> None:
        self._name = name
        self._limit_s = limit_s
        self._asked: SimpleQueue[tuple[Callable[[], Any], Reply]] = SimpleQueue()
        self._turn = threading.Lock()  # taken by who asks, given back when the call is over
        self._state = threading.Lock()  # over the two that follow
        self._current: Reply | None = None
        self._late = False
        self._thread: threading.Thread | None = None

    def call(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises. TimeoutError: it, or one before it, takes too long."""
        if self._late or not self._turn.acquire(timeout=self._limit_s):
            raise TimeoutError(f"{self._name} is still busy with an earlier call")
        if self._thread is None:
            # a daemon: a call that hangs must not keep the process from ending
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._current = reply = Reply()
        self._asked.put((work, reply))
        try:
            result, error = reply.get(timeout=self._limit_s)
        except Empty:
            with self._state:
                self._late = self._current is reply
            raise TimeoutError(f"{self._name} gave no answer in {self._limit_s} s") from None
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def _run(self) -> None:
        while True:
            work, reply = self._asked.get()
            result: Any = None
            error: BaseException | None = None
            try:
                result = work()
            except BaseException as raised:  # it belongs to the one who asked
                error = raised
            with self._state:
                self._current, self._late = None, False
            self._turn.release()
            reply.put((result, error))
