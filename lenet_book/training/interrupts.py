"""Signals that end a program, held back until what must be whole is whole."""

import signal
import threading

# Ctrl-C and a notebook's stop; what a hub, a batch system or `kill` sends; the end of the terminal.
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Interrupts:
    """Notes these signals, as `seen`, and at its end hands one on to whom it was meant for.

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
        # An error goes first; and a KeyboardInterrupt says already that Ctrl-C was pressed.
        said = kind is not None and (kind is not KeyboardInterrupt or self._number == signal.SIGINT)
        if self.seen and not said:
            signal.raise_signal(self._number)

    def _note(self, number: int, _) -> None:
        if self._number in (None, signal.SIGINT):
            self._number = number
