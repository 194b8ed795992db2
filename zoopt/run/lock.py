"""The lock beside a journal: one run at a time, however the last one ended."""

import os
import threading
from pathlib import Path
from typing import ClassVar

from zoopt.core.errors import JournalError

__all__ = ["FileLock"]


class FileLock:
    """A lock on a file beside the journal; the system frees it however this process ends.

    It belongs to the process and not to the descriptor, so that processes forked from it do not
    keep it; hence the list of what this process holds itself.
    """

    _held: ClassVar[set[Path]] = set()
    _guard: ClassVar[threading.RLock] = threading.RLock()
    _descriptor = -1

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + "-lock")
        with FileLock._guard:
            if self._path in FileLock._held:
                raise in_use(path)
            try:
                self._descriptor = self._acquire(path)
            except OSError as error:
                raise JournalError(f"the checkpoint file {path} cannot be used: {error}") from error
            FileLock._held.add(self._path)

    def _acquire(self, path: Path) -> int:
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                _lock(descriptor)
            except (BlockingIOError, PermissionError):
                os.close(descriptor)
                raise in_use(path) from None
            try:  # its last owner may have removed it meanwhile
                if os.stat(self._path).st_ino == os.fstat(descriptor).st_ino:
                    return descriptor
            except FileNotFoundError:
                pass
            os.close(descriptor)

    def release(self) -> None:
        with FileLock._guard:
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                self._path.unlink(missing_ok=True)
                os.close(descriptor)
                FileLock._held.discard(self._path)

    def __del__(self) -> None:  # an interrupt may come before anybody holds us
        self.release()


def in_use(path: Path) -> JournalError:
    return JournalError(f"{path} is in use by another run")


def _lock(descriptor: int) -> None:
    if os.name == "posix":
        import fcntl

        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
