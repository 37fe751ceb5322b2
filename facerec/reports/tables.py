"""Tables of text: what ``facerec validate`` and ``facerec test`` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from facerec.metrics import Interval

if TYPE_CHECKING:
    from facerec.reports.identification import Identification
    from facerec.reports.summary import Summary


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text in columns: the first column flush left, the others flush right, a line under the heading.

    Example:
        >>> print(format_table([("set", "EER"), ("lfw", "3.0%")]))
        set   EER
        ---  ----
        lfw  3.0%
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def summary_table(summaries: Mapping[str, Summary]) -> str:
    """One column for each set of pairs, one row for each number. A number that no set has is left out.

    Args:
        summaries: summary of each set by its name.

    Example:
        >>> from facerec.reports import evaluate
        >>> first = evaluate([1, 1, 0, 0], scores=[0.9, 0.8, 0.5, 0.1])
        >>> second = evaluate([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1])
        >>> print(summary_table({"first": first, "second": second}))
        set                                      first                 second
        -----------------------  ---------------------  ---------------------
        genuine pairs                                2                      2
        impostor pairs                               2                      2
        EER                                      0.00%                 50.00%
        ...
    """
    columns = [_cells(summary) | _identification(summary) for summary in summaries.values()]
    labels = list(dict.fromkeys(label for column in columns for label in column))
    rows = [("set", *summaries)]
    rows += [(label, *(column.get(label, "-") for column in columns)) for label in labels]
    return format_table(rows)


def _cells(summary: Summary) -> dict[str, str]:
    """Label and text of each number about the pairs."""
    by_pair, by_person, no_people = summary.interval_by_pair, summary.interval_by_person, summary.no_people
    cells = {
        "genuine pairs": f"{summary.genuine}",
        "impostor pairs": f"{summary.impostor}",
        "EER": f"{summary.eer:.2%}",
        "  95% by person": _range(by_person.equal_error_rate if by_person else None, no_people),
        "  95% by pair": _range(by_pair.equal_error_rate),
        "  uninterpolated": f"{summary.eer_nearest:.2%}",
        "threshold at EER": f"{summary.threshold:.4f}",
        "AUC": f"{summary.auc:.4f}",
    }
    if summary.accuracy is not None:
        accuracy = summary.accuracy
        cells[f"accuracy, {len(accuracy.accuracies)} folds"] = f"{accuracy.mean:.2%} ± {accuracy.std:.2%}"
        cells["  its 95% by person"] = _range(by_person.accuracy if by_person else None, no_people)
        cells["  its 95% by pair"] = _range(by_pair.accuracy)
        cells["  mean threshold"] = f"{accuracy.threshold:.4f}"
    if (at_grid := summary.accuracy_at_grid) is not None:
        cells["  of 400 thresholds"] = f"{at_grid.mean:.2%} ± {at_grid.std:.2%}"
        cells["  their mean"] = f"{at_grid.threshold:.4f}"
    for point in summary.tar_at_far:
        interval = _range(point.interval_by_person or point.interval_by_pair)
        few = f"too few impostors ({summary.impostor})"
        cells[f"TAR at FAR {point.far:g}"] = f"{point.tar:.2%} ({interval})" if point.supported else few
    if cost := summary.likelihood_cost:
        low, high = cost.interval_by_person or cost.interval_by_pair
        cells["Cllr, bits"] = f"{cost.cllr:.3f} ({low:.3f} - {high:.3f})"
        cells["  min Cllr"] = f"{cost.min_cllr:.3f}"
    return cells


def _identification(summary: Summary) -> dict[str, str]:
    """Label and text of each number about identification; the labels say so where the pairs have another score."""
    found: Identification | None = summary.identification
    by = "" if summary.score == "cosine" else " (cosine)"
    if found is None:
        return {f"identification{by}": summary.no_identification or "-"}
    ranks = [k for k in (1, 5) if k <= len(found.cmc)]
    cells = {f"rank {k}{by}": f"{found.cmc[k - 1]:.2%} ({_range(found.cmc_interval_by_person[k - 1])})" for k in ranks}
    held = f"{found.people} people" if found.entries is None else f"{found.entries:,} entries"
    cells["  gallery"] = f"{held}, {found.probes} probes"
    if found.mean_average_precision is not None:
        interval = found.mean_average_precision_interval
        cells[f"mAP{by}"] = f"{found.mean_average_precision:.2%} ({_range(interval)})"
    for point in found.tpir:
        few = f"too few strangers ({found.strangers})"
        text = f"{point.tpir:.2%} ({_range(point.interval_by_person)})"
        cells[f"TPIR at FPIR {point.fpir:g}{by}"] = text if point.supported else few
    return cells


def _range(interval: Interval | None, otherwise: str | None = None) -> str:
    return (otherwise or "-") if interval is None else f"{interval.low:.2%} - {interval.high:.2%}"
