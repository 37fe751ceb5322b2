"""One training in a process of its own: ``python -m facerec fit``, so that its crash is not the crash of the sweep."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

SECONDS_BETWEEN_LOOKS = 5.0
HINT = "(FACEREC_TRACEBACK"  # of the last line of an error
ERROR_LETTERS = 400


class StoppedEarly(Exception):  # noqa: N818  # no error
    """A training was stopped because its trial is hopeless."""


def train(options: Sequence[str], log: Path, lock: int | None, is_hopeless: Callable[[], bool] | None) -> int:
    """Run ``facerec fit`` to its end.

    Ctrl-C and SIGTERM reach the sweep alone, because the training is in a session of its own. They are passed on, and
    the training saves a checkpoint and ends.

    Args:
        options: of ``facerec fit``.
        log: file that what it prints is added to.
        lock: descriptor that the training holds until it ends.
        is_hopeless: asked every few seconds; the training is stopped where it says yes.

    Returns:
        The exit status; negative for the signal that ended it.

    Raises:
        StoppedEarly: if it was stopped.
    """
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "facerec", "fit", *options],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
        )
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(SECONDS_BETWEEN_LOOKS)
            if is_hopeless is not None and is_hopeless():
                raise StoppedEarly
    finally:
        if process.poll() is None:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let a training save its checkpoint and end. Another Ctrl-C ends it at once."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise


def error_of(log: Path, status: int) -> str:
    """Why a training failed: what it printed last.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log = Path(folder, "log")
        ...     _ = log.write_text("facerec fit: ArcFace scale=-1.0: must be positive and finite")
        ...     error_of(log, 2), error_of(log, -9)
        ('ArcFace scale=-1.0: must be positive and finite', 'ended by SIGKILL: the system may lack memory')
    """
    if status < 0:
        name = signal.Signals(-status).name
        return f"ended by {name}" + (": the system may lack memory" if name == "SIGKILL" else "")
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    said = [line for line in lines if line and not line.startswith(HINT)]
    own = [place for place, line in enumerate(said) if line.startswith("facerec fit: ")]
    text = " ".join(said[own[-1] :]) if own else (said[-1] if said else f"status {status}")
    return text.removeprefix("facerec fit: ")[:ERROR_LETTERS]


def is_interruption(status: int) -> bool:
    """Whether somebody interrupted the training itself."""
    return status in (130, 143, -signal.SIGINT, -signal.SIGTERM) and os.name != "nt"
