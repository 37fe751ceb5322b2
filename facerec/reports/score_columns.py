"""The columns of a score file: which they are, and what their cells say.

Shapes: P pairs.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from facerec.metrics.curve import Floats

SCORE, DISTANCE, SAME, FOLD = "score", "distance", "same", "fold"
IMAGES, PEOPLE = ("image_1", "image_2"), ("person_1", "person_2")
KNOWN = (SCORE, DISTANCE, SAME, *IMAGES, *PEOPLE, FOLD)
LABELS = {"1": True, "0": False, "true": True, "false": False}


def find_columns(path: str, heading: Sequence[str], own: Mapping[str, str]) -> dict[str, int]:
    """Place of each column that is used, by its name here.

    Args:
        path: of the file, for messages.
        heading: the file's names.
        own: the file's name of a column, by the name here; empty if the names are the same.

    Raises:
        ValueError: for a column that is unknown or missing.

    Example:
        >>> find_columns("a.csv", ["distance", "same"], {})
        {'distance': 0, 'same': 1}
        >>> find_columns("a.csv", ["id", "label", "cos"], {"score": "cos", "same": "label"})
        {'score': 2, 'same': 1}
    """
    if len(set(heading)) < len(heading):
        raise ValueError(f"{path} has two columns of one name: {','.join(heading):.80}")
    missing = [column for column in own.values() if column not in heading]
    if missing:
        raise ValueError(f"--columns: {path} has no column {missing[0]!r}. It has {', '.join(heading):.200}")
    if own:
        names = {name: heading.index(column) for name, column in own.items()}
    else:
        names = {name: place for place, name in enumerate(heading)}
    unknown = [name for name in names if name not in KNOWN and _partner(name) not in names]
    if unknown:
        raise ValueError(
            f"{path} has the unknown column{'s' if len(unknown) > 1 else ''} {', '.join(unknown):.200}. Known are "
            f"{', '.join(KNOWN)}, and groups as NAME_1 with NAME_2. If yours are called otherwise, say so: --columns "
            f"{SCORE}=YOURS {SAME}=YOURS"
        )
    if (SCORE in names) == (DISTANCE in names):
        found = "both" if SCORE in names else f"neither, but {', '.join(heading):.200}"
        raise ValueError(f"{path} needs one column {SCORE!r} or {DISTANCE!r}, and has {found}")
    for first, second in (IMAGES, PEOPLE):
        if (first in names) != (second in names):
            raise ValueError(f"{path} has one of {first} and {second}: give both, or none")
    return names


def _partner(name: str) -> str:
    """The other column of a group; a name that no column has for one without a number."""
    stem, end = name[:-2], name[-2:]
    return f"{stem}{'_2' if end == '_1' else '_1'}" if stem and end in ("_1", "_2") else ""


def numbers(path: str, cells: Sequence[str]) -> Floats:
    """The scores (P,).

    Raises:
        ValueError: naming file and line, if one is no number or not finite.
    """
    try:
        scores_P = np.array(cells, dtype=np.float64)
    except ValueError:
        line, cell = next((line, cell) for line, cell in enumerate(cells, start=2) if not _is_number(cell))
        raise ValueError(f"{path}:{line}: the score {cell!r} is no number") from None
    broken = np.flatnonzero(~np.isfinite(scores_P))
    if len(broken):
        raise ValueError(
            f"{path}: {len(broken)} of {len(scores_P)} scores are NaN or inf, the first in line {broken[0] + 2}. Score "
            "these pairs again, or leave their lines out for every model that is compared"
        )
    return scores_P


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def labels(path: str, cells: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each pair shows one person (P,).

    Raises:
        ValueError: naming file and line, with the number of pairs without a label.
    """
    found = [LABELS.get(cell.lower()) for cell in cells]
    empty = sum(not cell for cell in cells)
    if empty:
        line = next(line for line, cell in enumerate(cells, start=2) if not cell)
        raise ValueError(
            f"{path}: {empty} of {len(cells)} pairs have no label, the first in line {line}. Write 1 (one person) or 0 "
            "(two people), or leave these lines out"
        )
    if None in found:
        line = found.index(None) + 2
        raise ValueError(f"{path}:{line}: same={cells[line - 2]!r}: give 1 for one person, 0 for two people")
    return np.array(found, dtype=np.bool_)


def folds(path: str, cells: Sequence[str]) -> NDArray[np.int64]:
    """Number of the fold of each pair (P,).

    Raises:
        ValueError: naming file and line, if one is empty.
    """
    if not all(cells):
        line = next(line for line, cell in enumerate(cells, start=2) if not cell)
        raise ValueError(f"{path}:{line}: the fold is empty. Each pair is in a fold, or the column is left out")
    return np.unique(np.array(cells), return_inverse=True)[1].astype(np.int64)
