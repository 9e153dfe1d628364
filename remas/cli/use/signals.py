"""Signals, taken when it suits: between two steps, never in the middle of a booking."""

import signal

STOPPING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
PASSED_ON = (*STOPPING, signal.SIGUSR1, signal.SIGUSR2)


class Stopped(Exception):
    """Somebody wants an end of it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Mailbox:
    """Holds back signals; `before` is what the process took before, for its children."""

    def __init__(self, before: set[int]) -> None:
        self.before = before
        # What was ignored when we came (nohup) stays so.
        heeded = [one for one in PASSED_ON if signal.getsignal(one) is not signal.SIG_IGN]
        self._watched = {*heeded, signal.SIGCHLD}

    def next(self, seconds: float | None) -> signal.struct_siginfo | None:
        """The next signal; None when so many seconds have passed (None: it waits for ever)."""
        if seconds is None:
            return signal.sigwaitinfo(self._watched)
        return signal.sigtimedwait(self._watched, max(seconds, 0))

    def pause(self, seconds: float) -> None:
        """Do nothing for so long. Raises `Stopped`."""
        found = self.next(seconds)
        if found is not None and found.si_signo in STOPPING:
            raise Stopped(found.si_signo)


def hold_back() -> Mailbox:
    """From here on signals wait in the mailbox, until the process ends: none ends it half-way."""
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # else nobody would know how a child ended
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*PASSED_ON, signal.SIGCHLD})
    return Mailbox({int(one) for one in before})
