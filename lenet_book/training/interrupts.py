"""Signals that end a program, held back until what must be whole is whole."""

import signal
import threading
import time

# Ctrl-C and a notebook's stop; what a hub, a batch system or `kill` sends; the end of the terminal.
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_AGAIN = 1.0  # seconds: what comes sooner is the same Ctrl-C, which torchrun passes on to all


class Interrupts:
    """Notes these signals, as `seen`, and at its end hands one on to whom it was meant for.

    Whoever presses Ctrl-C again after a second does not want to wait: that raises KeyboardInterrupt.
    What is ignored outside stays ignored, such as SIGHUP under nohup. An error that is on its way is
    not hidden by a signal. In another thread than the main one nothing can be held back.
    """

    def __enter__(self) -> "Interrupts":
        self._number, self._before = None, {}
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):  # None: not Python's own
                    self._before[number] = signal.signal(number, self._note)
        return self

    @property
    def seen(self) -> bool:
        """Has one come?"""
        return self._number is not None

    def __exit__(self, kind, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        # An error goes first; and a KeyboardInterrupt is what Python's own handler would raise.
        said = kind is not None and (kind is not KeyboardInterrupt or
                                     self._before.get(self._number) is signal.default_int_handler)
        if self.seen and not said:
            signal.raise_signal(self._number)

    def _note(self, number: int, _) -> None:
        if number == signal.SIGINT and self.seen and time.monotonic() - self._since > _AGAIN:
            raise KeyboardInterrupt
        if not self.seen:
            self._since = time.monotonic()
        if self._number in (None, signal.SIGINT):
            self._number = number
