"""The comparison of runs at the width of a terminal: error rates first, then what fits of all that differs.

Runs of other data or other classes differ in dozens of settings that mean nothing one by one. So the data of a run are
one column, and a class that differs is one column with its name. A setting of such a part has a column of its own only
if runs of the same class or data differ in it.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from facerec.reports.comparison import (
    EMPTY,
    cell_text,
    differing,
    in_order,
    result_columns,
    setting,
    short_names,
)
from facerec.reports.repeats import COUNT, DEVIATION, merge_repeats
from facerec.reports.runs import Run

WIDTH = 120
GAP = 2  # between columns, as in format_table
WIDEST_NAME, WIDEST_HEADING, WIDEST_VALUE = 32, 20, 18
COSTS = ("parameters", "minutes")
MEASURED = ("test EER", "validation EER", "dev accuracy", "nearest-mean accuracy")
SHORT = {
    "validation EER": "val EER",
    "dev accuracy": "dev acc.",
    "nearest-mean accuracy": "by means",
    "parameters": "params",
}
DATA = "data"
DATA_SETTING = re.compile(r"data\.(root|layout|train|dev|val_pairs|test_pairs)(\.|$)")
CLASS = re.compile(r"\.(class_path$|init_args\.)")
INTERVAL = re.compile(r"(?P<low>[\d.]+)% - (?P<high>[\d.]+)% by (?P<kind>\w+)")


class FittedTable(NamedTuple):
    """A table that fits, and what it leaves out.

    Attributes:
        rows: text, the heading first; empty if no run has a result.
        notes: sentences about what is left out.
    """

    rows: list[list[str]]
    notes: list[str]


class _Column(NamedTuple):
    heading: str
    cells: list[str]

    @property
    def width(self) -> int:
        return max(map(len, (self.heading, *self.cells)))


def fitted_table(runs: Sequence[Run], sort: str | None = None, width: int = WIDTH) -> FittedTable:
    """The runs with a result, in as many columns as fit.

    Runs that differ in seed, fold or validation group alone are one row: mean ± standard deviation, and their
    number.

    Args:
        runs: to compare.
        sort: column to sort by, see :func:`facerec.reports.compare_runs`.
        width: number of characters of a line.

    Raises:
        ValueError: if there is no such column.

    Example:
        >>> from facerec.reports import format_table
        >>> first = Run("orl/version_0", {"model.backbone.init_args.depth": 18}, {"test EER": 0.12})
        >>> second = Run("orl/version_1", {"model.backbone.init_args.depth": 34}, {"test EER": 0.097})
        >>> table = fitted_table([first, second, Run("orl/version_2", {}, {})])
        >>> print(format_table(table.rows))
        run            test EER  depth
        -------------  --------  -----
        orl/version_1     9.70%     34
        orl/version_0    12.00%     18
        >>> table.notes
        ['1 run has no result yet: see --all']
    """
    with_result = [run for run in in_order(runs, sort) if any(name in run.results for name in MEASURED)]
    shown = merge_repeats(with_result)
    if len(shown) < len(with_result):
        shown = in_order(shown, sort if sort in ("run", *result_columns(shown)) else None)
    notes = []
    if missing := len(runs) - len(with_result):
        has = "1 run has" if missing == 1 else f"{missing} runs have"
        notes.append(f"{has} no result yet: see --all")
    if len(shown) < len(with_result):
        notes.append("± is the standard deviation of runs that differ in seed or fold alone: --all shows each")
    if looks := [int(run.results["test looks"]) for run in runs if "test looks" in run.results]:
        notes.append(f"looks at test people: {sum(looks)}, by {len(looks)} of these runs")
    if not shown:
        return FittedTable([], notes)
    costs = list(_results(shown, COSTS))
    parts, settings, left_out = _settings(shown)
    columns = [
        _Column("run", [_cut_left(run.name, WIDEST_NAME) for run in shown]),
        *_counts(shown),
        *_results(shown, MEASURED),
    ]
    left = width - sum(column.width + GAP for column in columns) + GAP
    for column in (*parts, *costs, *settings):
        if column.width + GAP <= left:
            columns.append(column)
            left -= column.width + GAP
        else:
            left_out += 1
    if left_out:
        more = "1 more column" if left_out == 1 else f"{left_out} more columns"
        notes.append(f"{more}: see --all")
    heading = [column.heading for column in columns]
    return FittedTable([heading, *map(list, zip(*(column.cells for column in columns), strict=True))], notes)


def _counts(runs: Sequence[Run]) -> list[_Column]:
    """How many runs a row is the mean of, where one is of several."""
    counts = [run.results.get(COUNT, 1) for run in runs]
    return [_Column(COUNT, list(map(str, counts)))] if max(map(int, counts)) > 1 else []


def _results(runs: Sequence[Run], names: Sequence[str]) -> Iterator[_Column]:
    """Those of these results that some run has; the interval stands beside its EER."""
    for name in names:
        cells = [run.results.get(name, EMPTY) for run in runs]
        if not any(cell != EMPTY for cell in cells):
            continue
        if name == "test EER":
            yield _with_intervals(runs)
        elif name == "parameters":
            yield _Column(
                SHORT[name], [f"{cell / 1e6:.2f}M" if isinstance(cell, (int, float)) else "" for cell in cells]
            )
        else:
            texts = [cell_text(cell, name) for cell in cells]
            if name == "validation EER":
                texts = [
                    text + ("" if "test EER" in run.results else _deviation(run))
                    for text, run in zip(texts, runs, strict=True)
                ]
            yield _Column(SHORT.get(name, name), texts)


def _with_intervals(runs: Sequence[Run]) -> _Column:
    """The test EER and its interval; what was resampled is in the heading where it is the same for all."""
    found = [INTERVAL.match(str(run.results.get("95% interval", ""))) for run in runs]
    kinds = {match["kind"] for match in found if match}
    cells = []
    for run, match in zip(runs, found, strict=True):
        by = f" by {match['kind']}" if match and len(kinds) > 1 else ""
        interval = f" ({match['low']}-{match['high']}{by})" if match else ""
        spread = _deviation(run) if "test EER" in run.results else ""
        cells.append(cell_text(run.results.get("test EER", EMPTY), "test EER") + interval + spread)
    return _Column(f"test EER (by {kinds.pop()})" if len(kinds) == 1 else "test EER", cells)


def _deviation(run: Run) -> str:
    """The deviation between the runs that a row is the mean of."""
    return f" ± {100 * float(run.results[DEVIATION]):.2f}" if DEVIATION in run.results else ""


def _settings(runs: Sequence[Run]) -> tuple[list[_Column], list[_Column], int]:
    """What differs: the data and classes, then single settings; and how many belong to a class and are left out."""
    groups: dict[str, list[str]] = {}
    own: list[str] = []
    folded = 0
    for name in differing(runs):
        group = _group(name, runs)
        if group is not None and group not in groups:
            groups[group] = [_label(group, run) for run in runs]
        if group is None or _differs_within(name, runs, groups[group]):
            own.append(name)
        else:
            folded += not _makes_label(name)
    parts = sorted(groups, key=lambda part: part != DATA)
    tested = [name for name in result_columns(runs) if name.startswith("tested ")]
    cells = [[str(run.results.get(name, EMPTY)) for run in runs] for name in tested]
    cells += [groups[part] for part in parts]
    cells += [[_value(setting(run, name), name) for run in runs] for name in own]
    columns = [
        _Column(_cut_left(heading, WIDEST_HEADING), [_cut_middle(cell, WIDEST_VALUE) for cell in column])
        for heading, column in zip([*tested, *short_names([*parts, *own])], cells, strict=True)
    ]
    end = len(tested) + len(parts)
    return columns[:end], columns[end:], folded


def _group(name: str, runs: Sequence[Run]) -> str | None:
    """The part that a setting belongs to: the data, or the outermost class, if that is not the same in all runs."""
    parts = [DATA] if DATA_SETTING.match(name) else [name[: found.start()] for found in CLASS.finditer(name)]
    return next((part for part in parts if len({_label(part, run) for run in runs}) > 1), None)


def _label(part: str, run: Run) -> str:
    """What a run has for a part: the name of its class, or of its data."""
    if part != DATA:
        return _class_name(run.settings.get(f"{part}.class_path"))
    root = run.settings.get("data.root")
    if root:
        return PurePath(str(root)).name
    named = [value for name, value in run.settings.items() if DATA_SETTING.match(name) and name.endswith(".class_path")]
    return _class_name(run.settings.get("data.train.class_path") or (named[0] if named else None))


def _class_name(path: Any) -> str:
    return str(path).rpartition(".")[2] if path else "-"


def _makes_label(name: str) -> bool:
    return name == "data.root" or name.endswith(".class_path")


def _differs_within(name: str, runs: Sequence[Run], labels: Sequence[str]) -> bool:
    """Whether runs of the same label differ in a setting."""
    values: dict[str, set[str]] = {}
    for run, label in zip(runs, labels, strict=True):
        values.setdefault(label, set()).add(repr(setting(run, name)))
    return any(len(some) > 1 for some in values.values())


def _value(value: Any, name: str) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:g}"
    return _class_name(value) if name.endswith(".class_path") else str(value)


def _cut_left(text: str, width: int) -> str:
    """The end of a text, which tells names and paths apart."""
    return text if len(text) <= width else f"…{text[1 - width :]}"


def _cut_middle(text: str, width: int) -> str:
    """Both ends of a text."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[-tail:]}"
