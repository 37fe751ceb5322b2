"""What to call runs in a figure and its file."""

import re
from collections.abc import Sequence
from pathlib import PurePath

LONGEST = 80  # characters of the name of a file


def short_names(paths: Sequence[str]) -> list[str]:
    """The ends of paths, of two parts, or of as many as tell the paths apart.

    Example:
        >>> short_names(["runs/a/version_0", "runs/b/version_0"])
        ['a/version_0', 'b/version_0']
        >>> short_names(["mine/a/version_0", "theirs/a/version_0"])
        ['mine/a/version_0', 'theirs/a/version_0']
    """
    parts = [PurePath(path).parts for path in paths]
    for length in range(2, max(map(len, parts), default=2) + 1):
        names = ["/".join(some[-length:]) for some in parts]
        if len(set(names)) == len(set(parts)):
            return names
    return ["/".join(some) for some in parts]


def file_stem(kind: str, names: Sequence[str]) -> str:
    """Name of a figure's file without its suffix: the kind and the runs, of more than two the first and the number.

    Example:
        >>> file_stem("roc", ["a/version_0", "b/version_0"]), file_stem("margins", [])
        ('roc_a_version_0_b_version_0', 'margins')
        >>> file_stem("roc", ["a/version_0", "b/version_0", "c/version_0"])
        'roc_a_version_0_and_2_more'
    """
    named = names if len(names) < 3 else [f"{names[0][:LONGEST]}_and_{len(names) - 1}_more"]
    return "_".join([kind, *(re.sub(r"[^\w.=-]+", "_", name[-LONGEST:]).strip("_") for name in named)])
