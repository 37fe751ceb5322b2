"""Error rates of groups of people at one threshold, which was chosen on other people.

A threshold that is right on average may reject one group more often, and take people of another for each other. Rates
of a few people vary by luck: see the intervals before the ratios.

Shapes: P pairs, N people.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facerec.metrics import ErrorRate, garbe, largest_over_smallest
from facerec.metrics.numbering import renumber
from facerec.metrics.resampling import LEAST_PEOPLE
from facerec.reports.tables import format_table
from facerec.reports.threshold import rate_at

PERSON = "person"
LEAST_PAIRS = 30

Groups = Mapping[str, Mapping[str, str]]
"""For each attribute, the group of each person who is in one."""


@dataclass(frozen=True)
class GroupRates:
    """Error rates of one group.

    Attributes:
        name: of the group.
        people: number of its people on the pairs.
        frr: share of its genuine pairs rejected.
        far: share of its impostor pairs accepted, of two people of the group.
        far_across: share of impostor pairs accepted, of one person of the group and one of another.
    """

    name: str
    people: int
    frr: ErrorRate
    far: ErrorRate
    far_across: ErrorRate


@dataclass(frozen=True)
class Attribute:
    """Error rates of the groups of one attribute, such as sex.

    Attributes:
        name: of the attribute.
        threshold: lowest score accepted, for all groups.
        groups: its groups.
        without: number of people on the pairs who are in none. Their pairs do not count.
        frr_ratio: largest over smallest FRR, of groups with enough people. NaN where there are not two, or one has no
            error.
        far_ratio: largest over smallest FAR within groups, alike.
        garbe: GARBE of both, see :func:`facerec.metrics.garbe`. NaN where there are not two such groups.
    """

    name: str
    threshold: float
    groups: list[GroupRates]
    without: int
    frr_ratio: float
    far_ratio: float
    garbe: float


def read_groups(path: str | Path) -> dict[str, dict[str, str]]:
    r"""Group of each person for each attribute, from a CSV with the columns ``person`` and one for each attribute.

    An empty cell is no group.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming file and line: for another first column, no attribute, two columns or people of one name, or
            a line of another length.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "groups.csv")
        ...     _ = file.write_text("person,sex,age\ns01,f,30s\ns02,m,\n")
        ...     read_groups(file)
        {'sex': {'s01': 'f', 's02': 'm'}, 'age': {'s01': '30s'}}
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"--groups {path}: no such file. It is a CSV with the columns person,ATTRIBUTE,...")
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            rows = [(place, [cell.strip() for cell in row]) for place, row in enumerate(csv.reader(file), 1)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"--groups {path} is no CSV in UTF-8: {error}") from error
    rows = [(place, row) for place, row in rows if any(row)]
    heading = rows[0][1] if rows else []
    if heading[:1] != [PERSON] or len(heading) < 2 or not all(heading):
        raise ValueError(
            f"--groups {path} begins with {','.join(heading)!r:.60}: its first line must be person,ATTRIBUTE,..."
        )
    if len(set(heading)) < len(heading):
        raise ValueError(f"--groups {path} has two columns of one name: {','.join(heading):.60}")
    groups: dict[str, dict[str, str]] = {name: {} for name in heading[1:]}
    lines: dict[str, int] = {}
    for place, (person, *cells) in rows[1:]:
        if len(cells) != len(groups) or not person:
            raise ValueError(f"--groups {path} line {place}: {len(heading)} cells are due, person,{','.join(groups)}")
        if person in lines:
            raise ValueError(f"--groups {path} names {person!r} in lines {lines[person]} and {place}: leave one out")
        lines[person] = place
        for attribute, group in zip(groups.values(), cells, strict=True):
            if group:
                attribute[person] = group
    if not lines:
        raise ValueError(f"--groups {path} names nobody: one line for each person, after the first")
    return groups


def rates_of_groups(
    scores: NDArray[np.floating],
    same: NDArray[np.bool_],
    people: NDArray[np.int64],
    names: Mapping[int, str],
    groups: Groups,
    threshold: float,
) -> list[Attribute]:
    """Error rates of each group at one threshold.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).
        people: number of the two people of each pair (P, 2).
        names: name of each number.
        groups: see :func:`read_groups`.
        threshold: lowest score accepted.

    Example:
        >>> people = np.array([[0, 0], [1, 1], [0, 1], [2, 2], [3, 3], [2, 3], [1, 3]])
        >>> scores, same = np.array([0.9, 0.4, 0.1, 0.8, 0.7, 0.6, 0.2]), people[:, 0] == people[:, 1]
        >>> names, sexes = {0: "ann", 1: "eve", 2: "bob", 3: "jim"}, {"ann": "f", "eve": "f", "bob": "m", "jim": "m"}
        >>> [found] = rates_of_groups(scores, same, people, names, {"sex": sexes}, threshold=0.5)
        >>> [(group.name, group.frr.rate, group.far.rate, group.far_across.rate) for group in found.groups]
        [('f', 0.5, 0.0, 0.0), ('m', 0.0, 1.0, 0.0)]
    """
    scores_P = scores.astype(np.float64, copy=False)  # in float32 the threshold would be rounded to a score
    return [_attribute(name, group_of, scores_P, same, people, names, threshold) for name, group_of in groups.items()]


def _attribute(
    name: str,
    group_of: Mapping[str, str],
    scores_P: NDArray[np.float64],
    same_P: NDArray[np.bool_],
    people_P2: NDArray[np.int64],
    names: Mapping[int, str],
    threshold: float,
) -> Attribute:
    kinds = sorted(set(group_of.values()))
    numbers = {number: kinds.index(group_of[person]) for number, person in names.items() if person in group_of}
    there, places_P2 = renumber(people_P2)
    group_N = np.array([numbers.get(number, -1) for number in there.tolist()], dtype=np.int32)
    first_P, second_P = (group_N[side_P] for side_P in places_P2.T)
    is_within_P = first_P == second_P
    is_across_P = (first_P >= 0) & (second_P >= 0) & ~is_within_P

    def rate(chosen_P: NDArray[np.bool_]) -> ErrorRate:
        chosen = np.flatnonzero(chosen_P)
        return rate_at(scores_P[chosen], same_P[chosen], places_P2.take(chosen, axis=0), threshold)

    found = []
    for place, kind in enumerate(kinds):
        within_P, across_P = is_within_P & (first_P == place), is_across_P & ((first_P == place) | (second_P == place))
        rates = rate(within_P & same_P), rate(within_P & ~same_P), rate(across_P)
        found.append(GroupRates(kind, int((group_N == place).sum()), *rates))
    frrs = [group.frr.rate for group in found if is_enough(group.frr) and is_enough(group.far)]
    fars = [group.far.rate for group in found if is_enough(group.frr) and is_enough(group.far)]
    return Attribute(
        name,
        threshold,
        found,
        without=int((group_N < 0).sum()),
        frr_ratio=largest_over_smallest(frrs),
        far_ratio=largest_over_smallest(fars),
        garbe=garbe(fars, frrs),
    )


def is_enough(rate: ErrorRate) -> bool:
    """Whether a rate rests on at least 5 people and 30 pairs."""
    return rate.people >= LEAST_PEOPLE and rate.pairs >= LEAST_PAIRS


def group_rows(attribute: Attribute) -> list[Sequence[str]]:
    """The rates of an attribute as cells of text, a heading first.

    Example:
        >>> people = np.array([[0, 0], [1, 1], [0, 1]])
        >>> scores, same = np.array([0.9, 0.4, 0.1]), np.array([True, True, False])
        >>> groups = {"sex": {"ann": "f", "bob": "m"}}
        >>> group_rows(rates_of_groups(scores, same, people, {0: "ann", 1: "bob"}, groups, 0.5)[0])[1][:3]
        ('f', '1', 'too few people (1)')
    """
    rows: list[Sequence[str]] = [
        (attribute.name, "people", "FRR (95%)", "FAR within group (95%)", "FAR across groups (95%)"),
        *(
            (group.name, str(group.people), *map(_shown, (group.frr, group.far, group.far_across)))
            for group in attribute.groups
        ),
        ("largest over smallest", "", _number(attribute.frr_ratio), _number(attribute.far_ratio), ""),
        ("GARBE", "", _number(attribute.garbe), "", ""),
    ]
    if attribute.without:
        rows.append(("in no group", str(attribute.without), "", "", ""))
    return rows


def groups_table(attribute: Attribute) -> str:
    """The rates of an attribute as text.

    Example:
        >>> people = np.array([[0, 0], [1, 1], [0, 1]])
        >>> scores, same = np.array([0.9, 0.4, 0.1]), np.array([True, True, False])
        >>> groups = {"sex": {"ann": "f", "bob": "m"}}
        >>> print(groups_table(rates_of_groups(scores, same, people, {0: "ann", 1: "bob"}, groups, 0.5)[0]))
        sex                    people           FRR (95%)  FAR within group (95%)  FAR across groups (95%)
        ---------------------  ------  ------------------  ----------------------  -----------------------
        f                           1  too few people (1)      too few people (0)       too few people (2)
        ...
    """
    return format_table(group_rows(attribute))


def _shown(rate: ErrorRate) -> str:
    if rate.people < LEAST_PEOPLE:
        return f"too few people ({rate.people})"
    if rate.pairs < LEAST_PAIRS:
        return f"too few pairs ({rate.pairs})"
    return f"{rate.rate:.2%} ({rate.interval.low:.2%} - {rate.interval.high:.2%})"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
