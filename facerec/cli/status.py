"""The exit status of every command: one convention, which each command's ``--help`` repeats in its own words.

- **0**: done. `verify`: the same person; `identify`: everyone is enrolled.
- **1**: done, and the answer is no, or something was left out. `verify`: different people; `identify`: somebody is not
  enrolled; `align`, `pack`, `enroll`, `embed`, `predict` and `plot`: some images could not be used, the others are
  written or drawn; `backbones`: a network that was named does not take the settings; `sweep`: some trials failed.
- **2**: failed, by a bad option, bad data or a missing file. `verify` and `identify` also give 2 for an image that
  cannot be used: they have no answer about it, and 1 would look like one.
- **130**: interrupted by Ctrl-C, as shells have it. `fit` has saved a checkpoint, and says how to go on.
- **143**: ended by SIGTERM, as shells have it. `fit` has saved a checkpoint, and says how to go on.

So ``if facerec verify A.jpg B.jpg ...`` asks for the person, ``facerec fit && facerec test ...`` stops at an error, and
a script that accepts left-out images lets 1 pass: ``facerec align SRC DST || [ $? -eq 1 ]``.
"""

from enum import IntEnum


class Status(IntEnum):
    """Exit status of a command.

    Example:
        >>> Status.YES is Status.DONE, Status.INCOMPLETE is Status.NO, int(Status.ERROR)
        (True, True, 2)
    """

    DONE = 0
    YES = 0
    NO = 1
    INCOMPLETE = 1
    ERROR = 2
    INTERRUPTED = 130
    TERMINATED = 143
