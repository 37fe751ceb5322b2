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
ACCURACIES = ("dev accuracy", "nearest-mean accuracy")
RESULTS = ("dev accuracy", "validation EER", "test EER", "95% interval", "minutes", "parameters")
TESTED = ("score", "flip_test", "precision", "pairs")
"""How a run was tested, shown where runs differ: test EERs are then not of one measurement."""
EMPTY = ""


def compare_runs(runs: Sequence[Run], sort: str | None = None) -> list[list[str]]:
    """Rows of text, the heading first: name, the settings that differ, the results.

    Args:
        runs: to compare.
        sort: column to sort by; lowest first, accuracy highest first, runs without a value last. By default the test
            EER, and the validation EER where no run was tested.

    Raises:
        ValueError: if there is no such column.

    Example:
        >>> from facerec.reports import format_table
        >>> first = Run("orl/version_0", {"model.backbone.init_args.depth": 18}, {"test EER": 0.12})
        >>> second = Run("orl/version_1", {"model.backbone.init_args.depth": 34}, {"test EER": 0.097})
        >>> for row in compare_runs([first, second]):
        ...     print(row[0], row[1], row[4])
        run depth test EER
        orl/version_1 34 9.70%
        orl/version_0 18 12.00%
    """
    differ = _differing(runs)
    columns = _columns(runs)
    heading = ["run", *_short(differ), *columns]
    sort = sort or ("test EER" if any("test EER" in run.results for run in runs) else "validation EER")
    if sort not in heading:
        raise ValueError(f"no column {sort!r} to sort by: choose one of {', '.join(heading)}")
    place = heading.index(sort)
    table = [[run.name, *(run.settings.get(name, EMPTY) for name in differ), *_results(run, columns)] for run in runs]
    table.sort(key=lambda row: _order(row[place], descending=sort in ACCURACIES))
    return [heading, *([_text(cell, name) for cell, name in zip(row, heading, strict=True)] for row in table)]


def _differing(runs: Sequence[Run]) -> list[str]:
    """Settings that are not the same in all runs, without those that are only there to hold others."""
    names = dict.fromkeys(name for run in runs for name in run.settings if not name.startswith(NOT_A_SETTING))
    holders = {name[:end] for name in names for end, letter in enumerate(name) if letter == "."}
    return [
        name for name in names if name not in holders and len({repr(run.settings.get(name, EMPTY)) for run in runs}) > 1
    ]


def _columns(runs: Sequence[Run]) -> list[str]:
    """``RESULTS``, the accuracy by class means where a run has it, and how runs were tested where that differs."""
    columns = list(RESULTS)
    if any("nearest-mean accuracy" in run.results for run in runs):
        columns.insert(1, "nearest-mean accuracy")
    place = columns.index("test EER")
    for name in (f"tested {how}" for how in TESTED):
        if len({run.results[name] for run in runs if name in run.results}) > 1:
            columns.insert(place, name)
            place += 1
    return columns


def _results(run: Run, columns: Sequence[str]) -> list[float | str]:
    return [run.results.get(name, EMPTY) for name in columns]


def _short(names: Sequence[str]) -> list[str]:
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


def _order(value: Any, descending: bool) -> tuple[int, float, str]:
    """Numbers by size, then words, then what is not known."""
    if value is None or value == EMPTY:
        return 2, 0.0, ""
    if isinstance(value, (int, float)):
        return 0, -value if descending else value, ""
    return 1, 0.0, str(value)


def _text(cell: Any, column: str) -> str:
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
