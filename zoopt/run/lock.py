"""A lock file beside a journal, which lets one run at a time use it."""

import os
import threading
from pathlib import Path
from typing import ClassVar

from zoopt.core.errors import JournalError

__all__ = ["FileLock"]


class FileLock:
    """An exclusive lock of this process on a journal.

    The operating system releases the lock however the process ends. The lock belongs to the
    process, not to the file descriptor, so that forked processes do not keep it. For the same
    reason, the lock cannot keep out a second run in the same process. A set of the paths locked in
    this process does that.

    Parameters
    ----------
    path : Path
        The journal. The lock file beside it has the suffix ``-lock``.

    Raises
    ------
    JournalError
        If another run holds the lock, or if the lock file cannot be created.
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
            try:  # the previous owner may have removed the file after we opened it
                if os.stat(self._path).st_ino == os.fstat(descriptor).st_ino:
                    return descriptor
            except FileNotFoundError:
                pass
            os.close(descriptor)

    def release(self) -> None:
        """Release the lock and remove its file. Later calls do nothing."""
        with FileLock._guard:
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                self._path.unlink(missing_ok=True)
                os.close(descriptor)
                FileLock._held.discard(self._path)

    def __del__(self) -> None:  # if an interrupt came before the lock was assigned
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
