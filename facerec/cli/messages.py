"""What a command prints when it warns or fails: one line that names the cause, in place of a traceback."""

import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from facerec.cli.status import Status

TRACEBACK = "FACEREC_TRACEBACK"
SELF_EXPLAINING = ("facerec", "lightning", "lightning_utilities")  # packages whose warnings name a setting
ERASE_LINE = "\r\x1b[K"
OUT_OF_MEMORY = ("MemoryError", "OutOfMemoryError")  # Python's and torch's, which is not imported here
NO_CPU_MEMORY = "DefaultCPUAllocator: can't allocate memory"  # a RuntimeError
WORKER_TRACEBACK = "Original Traceback (most recent call last):"  # in torch's message of an error in a loader's worker


def with_messages(
    command: Callable[[], int], name: str, *, resumes: bool = False, traces_mistakes: bool = False
) -> int:
    """Run a command; turn its warnings and errors into lines on standard error, its errors into an exit status.

    With ``FACEREC_TRACEBACK=1`` in the environment, errors are raised as they are, and warnings say where they arose.

    Args:
        command: what to run; it returns its exit status.
        name: beginning of the line, such as ``"facerec verify"``.
        resumes: whether the same command continues where it was interrupted.
        traces_mistakes: whether an error that is neither ValueError nor OSError, and so a mistake in the code, prints
            its traceback: for commands that run too long, or with too much of the user's own code, to try again.

    Returns:
        The exit status.
    """
    try:
        with short_warnings():
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


def _print_error(error: Exception, name: str, traces_mistakes: bool) -> None:
    is_expected = isinstance(error, (ValueError, OSError)) or _is_lack_of_memory(error)
    if traces_mistakes and not is_expected:
        traceback.print_exception(error)
        return
    kind = "" if is_expected else f"{type(error).__name__}: "
    print(f"{name}: {kind}{_cause(error)}\n({TRACEBACK}=1 shows where)", file=sys.stderr)


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


def _is_lack_of_memory(error: Exception) -> bool:
    return type(error).__name__ in OUT_OF_MEMORY or NO_CPU_MEMORY in str(error)


def _cause(error: Exception) -> str:
    """What went wrong, without the traceback that a worker process sends along."""
    text = str(error)
    if _is_lack_of_memory(error):
        return f"out of memory: {text.splitlines()[0] if text else ''} Give a smaller batch size"
    if WORKER_TRACEBACK not in text:
        return text
    last = text.strip().splitlines()[-1]
    return last.partition(": ")[2] or last
