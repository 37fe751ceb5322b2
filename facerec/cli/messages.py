"""Errors of a command: one line that names the cause, and an exit status, in place of a traceback."""

import os
import sys
from collections.abc import Callable
from functools import wraps

Main = Callable[[list[str]], int]
INTERRUPTED = 130  # as shells have it for Ctrl-C
TRACEBACK = "FACEREC_TRACEBACK"


def messages(status: int, *, resumes: bool = False) -> Callable[[Main], Main]:
    """Let a command's errors become a line and an exit status.

    An error that is neither ValueError nor OSError is a mistake of ours: the line says its kind, and how to see where.

    Args:
        status: for an error. For commands whose answer is a status of 1, the one that Python gives, it is another.
        resumes: whether the command goes on where it was interrupted when it is given again.
    """

    def decorate(main: Main) -> Main:
        name = f"facerec {main.__module__.rpartition('.')[2]}"

        @wraps(main)
        def with_messages(args: list[str]) -> int:
            try:
                return main(args)
            except BrokenPipeError:  # who read our output has seen enough
                sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # what Python flushes at its end goes nowhere
                return status
            except KeyboardInterrupt:
                goes_on = "; the same command goes on from here" if resumes else ""
                print(f"\n{name}: interrupted{goes_on}", file=sys.stderr)
                return INTERRUPTED
            except Exception as error:
                if os.environ.get(TRACEBACK):
                    raise
                is_told = isinstance(error, (ValueError, OSError))
                kind = "" if is_told else f"{type(error).__name__}: "
                print(f"{name}: {kind}{error}\n({TRACEBACK}=1 shows where)", file=sys.stderr)
                return status

        return with_messages

    return decorate
