"""What a command prints when it warns or fails: one line that names the cause, in place of a traceback."""

import errno
import os
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from facerec.cli.status import Status

TRACEBACK = "FACEREC_TRACEBACK"
SELF_EXPLAINING = ("facerec", "lightning", "lightning_utilities")  # packages whose warnings name a setting
ERASE_LINE = "\r\x1b[K"
# What torch calls a RuntimeError, and no code can help
OF_THE_MACHINE = re.compile(
    r"DataLoader worker|out of memory|can't allocate memory|not enough memory|No space left|PytorchStreamWriter"
)
# What gloo and NCCL say in a process that waits for one that has ended
OF_ANOTHER_PROCESS = re.compile(
    r"Connection (closed|reset) by peer|ncclRemoteError|remote process exited|NCCL communicator (was|encountered)"
    r"|Watchdog caught collective operation timeout|Timed out waiting \d+ms for (recv|send)"
)
FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)  # the disk, or what is allowed of it
KILLED_WORKER = re.compile(r"DataLoader worker \(pid.*(killed by signal|exited unexpectedly)")
LACK_OF_MEMORY = re.compile(r"^(MemoryError|OutOfMemoryError):|DefaultCPUAllocator: can't allocate memory")
OF_A_WORKER = "Original Traceback (most recent call last):"
LAST_LINE = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Warning): (?P<message>.+)\Z", re.MULTILINE | re.DOTALL)


def with_messages(
    command: Callable[[], int], name: str, *, resumes: bool = False, traces_mistakes: bool = False
) -> int:
    """Run a command; turn its warnings and errors into lines on standard error, its errors into an exit status.

    With ``FACEREC_TRACEBACK=1`` in the environment, errors are raised as they are, and warnings say where they arose.

    Args:
        command: what to run; it returns its exit status.
        name: beginning of the line, such as ``"facerec verify"``.
        resumes: whether the same command continues where it was interrupted.
        traces_mistakes: whether an error whose cause is neither data nor settings nor the machine, and so a mistake in
            the code, prints its traceback: for commands that run too long, or with too much of the user's own code, to
            try again.

    Returns:
        The exit status.
    """
    try:
        with short_warnings(), _quiet_threads(name):
            return command()
    except BrokenPipeError:  # the reader of our output has closed it
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # takes what Python flushes at exit
        return Status.ERROR
    except KeyboardInterrupt:
        hint = "; the same command goes on from here" if resumes else ""
        print(f"\n{name}: interrupted{hint}", file=sys.stderr)
        return Status.INTERRUPTED
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        _print_error(error, name, traces_mistakes)
        return Status.ERROR


def _print_error(error: BaseException, name: str, traces_mistakes: bool) -> None:
    if traces_mistakes and not _is_expected(error):
        traceback.print_exception(error)
        return
    kind = "" if _is_expected(error) else f"{type(error).__name__}: "
    print(f"{name}: {kind}{_cause(error)}\n({TRACEBACK}=1 shows where)", file=sys.stderr)


def _is_expected(error: BaseException) -> bool:
    """Whether the data, the settings or the machine are the cause, and not a mistake in the code."""
    text = str(error)
    of_the_machine = OF_THE_MACHINE.search(text) or OF_ANOTHER_PROCESS.search(text)
    return isinstance(error, (ValueError, OSError, MemoryError)) or bool(of_the_machine)


def _cause(error: BaseException) -> str:
    """The message of an error, without the traceback that torch puts into the message of a worker's error."""
    text = str(error).strip() or type(error).__name__
    if LACK_OF_MEMORY.search(f"{type(error).__name__}: {text}"):
        return f"out of memory: {text.splitlines()[0]} Give a smaller batch size"
    if isinstance(error, RuntimeError) and OF_ANOTHER_PROCESS.search(text):
        return "another process of this training ended, or cannot be reached: its own message says why"
    if isinstance(error, OSError) and error.errno in FULL and error.filename is None:
        return f"a file could not be written: {error.strerror}"
    if OF_A_WORKER in text:
        last = [*LAST_LINE.finditer(text)][-1:]
        text = last[0]["message"] if last else text.splitlines()[-1]
    if KILLED_WORKER.search(text):
        way_out = "try a smaller data.num_workers or data.batch_size"
        text = f"{text.rstrip('. ')}. The system may have ended it for lack of memory: {way_out}"
    return text


@contextmanager
def _quiet_threads(name: str) -> Iterator[None]:
    """Print a line in place of the traceback when a thread of a library fails, as TensorBoard's on a full disk."""
    before = threading.excepthook

    def print_line(failed: threading.ExceptHookArgs) -> None:
        if failed.exc_value is None or not _is_expected(failed.exc_value) or os.environ.get(TRACEBACK):
            before(failed)
        else:
            print(f"{name}: {_cause(failed.exc_value)}", file=sys.stderr)

    threading.excepthook = print_line
    try:
        yield
    finally:
        threading.excepthook = before


@contextmanager
def short_warnings() -> Iterator[None]:
    """Print each warning as one line inside the context, without the line of code that gave it.

    Only the format changes, so ``warnings.catch_warnings`` and ``pytest.warns`` see the warnings as ever.
    """
    before = warnings.formatwarning
    warnings.formatwarning = warning_line
    try:
        yield
    finally:
        warnings.formatwarning = before


def warning_line(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    r"""A warning as it is printed: the place only where the text of another package needs it.

    Example:
        >>> warning_line("the loss is NaN", UserWarning, "/lib/site-packages/torch/nn/loss.py", 12)
        'warning: the loss is NaN (torch/nn/loss.py:12)\n'
        >>> import facerec
        >>> warning_line("data.root and data.train are both given", UserWarning, facerec.__file__, 12)
        'warning: data.root and data.train are both given\n'
    """
    path = Path(filename)
    needs_place = _package(path) not in SELF_EXPLAINING or os.environ.get(TRACEBACK)
    place = f" ({'/'.join(path.parts[-3:])}:{lineno})" if needs_place else ""
    return f"{fresh_line()}warning: {message}{place}\n"


def _package(path: Path) -> str | None:
    """The package that a file of Python code is part of."""
    if path.is_relative_to(Path(__file__).parents[1]):
        return "facerec"
    before, _, inside = path.as_posix().rpartition("/site-packages/")
    return inside.partition("/")[0] if before else None


def fresh_line() -> str:
    """What to print before a message so that it does not stand behind a progress bar, which draws itself anew."""
    return ERASE_LINE if sys.stderr.isatty() else ""
