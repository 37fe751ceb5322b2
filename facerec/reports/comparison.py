"""One table of finished runs: the settings in which they differ, and what each of them gave."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from facerec.reports.runs import RATES, Run

NOT_A_SETTING = (
    "ckpt_path",
    "weights_only",
    "data.num_workers",
    "trainer.default_root_dir",
    "trainer.enable_",
    "trainer.log_every_n_steps",
    "trainer.logger",
)
"""What changes nothing in the result (beginnings of names)."""
SORTED_BY = ("test EER", "validation EER", "dev accuracy")
ACCURACIES = ("dev accuracy", "nearest-mean accuracy")
RESULTS = ("test EER", "95% interval", "validation EER", "dev accuracy", "minutes", "parameters")
TESTED = ("score", "flip_test", "precision", "pairs")
"""How a run was tested, shown where runs differ: test EERs are then not of one measurement."""
EMPTY = ""


def compare_runs(runs: Sequence[Run], sort: str | None = None) -> list[list[str]]:
    """Rows of text, the heading first: name, the results, the settings that differ.

    :func:`facerec.reports.fitted_table` gives the same table at the width of a terminal.

    Args:
        runs: to compare.
        sort: column to sort by; lowest first, accuracy highest first, runs without a value last. By default the test
            EER, else the validation EER, else dev accuracy.

    Raises:
        ValueError: if there is no such column.

    Example:
        >>> from facerec.reports import format_table
        >>> first = Run("orl/version_0", {"model.backbone.init_args.depth": 18}, {"test EER": 0.12})
        >>> second = Run("orl/version_1", {"model.backbone.init_args.depth": 34}, {"test EER": 0.097})
        >>> for row in compare_runs([first, second]):
        ...     print(row[0], row[1], row[-1])
        run test EER depth
        orl/version_1 9.70% 34
        orl/version_0 12.00% 18
    """
    differ, columns = differing(runs), result_columns(runs)
    heading = ["run", *columns, *short_names(differ)]
    rows = [
        [run.name, *(run.results.get(name, EMPTY) for name in columns), *(setting(run, name) for name in differ)]
        for run in in_order(runs, sort)
    ]
    return [heading, *([cell_text(cell, name) for cell, name in zip(row, heading, strict=True)] for row in rows)]


def in_order(runs: Sequence[Run], sort: str | None = None) -> list[Run]:
    """The runs in the order of a column, see :func:`compare_runs`.

    Raises:
        ValueError: if there is no such column.
    """
    differ, columns = differing(runs), result_columns(runs)
    full_names = dict(zip(short_names(differ), differ, strict=True))
    known = [name for name in SORTED_BY if any(name in run.results for run in runs)]
    sort = sort or (known[0] if known else SORTED_BY[0])
    if sort not in ("run", *columns, *full_names):
        raise ValueError(f"no column {sort!r} to sort by: choose one of {', '.join(['run', *columns, *full_names])}")

    def value(run: Run) -> Any:
        if sort == "run":
            return run.name
        return run.results.get(sort, EMPTY) if sort in columns else setting(run, full_names[sort])

    return sorted(runs, key=lambda run: _place(value(run), descending=sort in ACCURACIES))


def setting(run: Run, name: str) -> Any:
    """A setting of a run; empty where the run does not have it."""
    return run.settings.get(name, EMPTY)


def differing(runs: Sequence[Run]) -> list[str]:
    """Settings that are not the same in all runs, without those that are only there to hold others."""
    names = dict.fromkeys(name for run in runs for name in run.settings if not name.startswith(NOT_A_SETTING))
    holders = {name[:end] for name in names for end, letter in enumerate(name) if letter == "."}
    return [
        name for name in names if name not in holders and len({repr(run.settings.get(name, EMPTY)) for run in runs}) > 1
    ]


def result_columns(runs: Sequence[Run]) -> list[str]:
    """``RESULTS``, the accuracy by class means where a run has it, and how runs were tested where that differs."""
    columns = list(RESULTS)
    if any("nearest-mean accuracy" in run.results for run in runs):
        columns.insert(columns.index("dev accuracy") + 1, "nearest-mean accuracy")
    place = columns.index("validation EER")
    for name in (f"tested {how}" for how in TESTED):
        if len({run.results[name] for run in runs if name in run.results}) > 1:
            columns.insert(place, name)
            place += 1
    return columns


def short_names(names: Sequence[str]) -> list[str]:
    """The last part of each name, or more of it where that is not enough to tell two apart."""
    parts = [name.replace(".init_args.", ".").split(".") for name in names]
    lengths = [1] * len(names)
    while True:
        short = [".".join(part[-length:]) for part, length in zip(parts, lengths, strict=True)]
        growing = [
            index
            for index, name in enumerate(short)
            if (short.count(name) > 1 or name == "class_path" or name in RESULTS) and lengths[index] < len(parts[index])
        ]
        if not growing:
            return short
        for index in growing:
            lengths[index] += 1


def _place(value: Any, descending: bool) -> tuple[int, float, str]:
    """Numbers by size, then words, then what is not known."""
    if value is None or value == EMPTY:
        return 2, 0.0, ""
    if isinstance(value, (int, float)):
        return 0, -value if descending else value, ""
    return 1, 0.0, str(value)


def cell_text(cell: Any, column: str) -> str:
    """A cell as text, with the digits that its column has."""
    if cell == EMPTY or isinstance(cell, str):
        return str(cell).rpartition(".")[2] if column.endswith("class_path") else str(cell)
    if column in RATES:
        return f"{cell:.2%}"
    if column == "minutes":
        return f"{cell:.1f}"
    return f"{cell:,}" if column == "parameters" else str(cell)


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    r"""The table as CSV.

    Example:
        >>> as_csv([["run", "depth"], ["orl/version_0", "18"]])
        'run,depth\norl/version_0,18\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """The table as Markdown.

    Example:
        >>> print(as_markdown([["run", "depth"], ["orl/version_0", "18"]]), end="")
        | run | depth |
        |---|---|
        | orl/version_0 | 18 |
    """
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in escaped]
    lines.insert(1, "|---" * len(rows[0]) + "|")
    return "\n".join(lines) + "\n"
