"""What a command prints when it fails: one line that names the cause, in place of a traceback."""

import os
import sys
import traceback
from collections.abc import Callable

from facerec.cli.status import Status

TRACEBACK = "FACEREC_TRACEBACK"


def with_messages(
    command: Callable[[], int], name: str, *, resumes: bool = False, traces_mistakes: bool = False
) -> int:
    """Run a command; turn its errors into a line on standard error and an exit status.

    With ``FACEREC_TRACEBACK=1`` in the environment, errors are raised as they are.

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
    is_expected = isinstance(error, (ValueError, OSError))
    if traces_mistakes and not is_expected:
        traceback.print_exception(error)
        return
    kind = "" if is_expected else f"{type(error).__name__}: "
    print(f"{name}: {kind}{error}\n({TRACEBACK}=1 shows where)", file=sys.stderr)
