"""Tables of text: what `facerec validate` and `facerec test` print."""

from collections.abc import Mapping, Sequence

from facerec.metrics import Interval, Intervals
from facerec.reports.summary import Summary


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text in columns: the first column flush left, the others flush right, a line under the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def summary_table(summaries: Mapping[str, Summary], score: str = "cosine") -> str:
    """One column for each set of pairs, one row for each number; a number that no set has is left out.

    Args:
        summaries: by the name of the set.
        score: of the pairs; identification goes by the cosine, which its rows say where that is another one.
    """
    by = "" if score == "cosine" else " (cosine)"
    columns = [_cells(summary) | _identification(summary, by) for summary in summaries.values()]
    labels = list(dict.fromkeys(label for column in columns for label in column))
    rows = [("set", *summaries)]
    rows += [(label, *(column.get(label, "-") for column in columns)) for label in labels]
    return format_table(rows)


def _cells(summary: Summary) -> dict[str, str]:
    """Label and text of each number about the pairs."""
    cells = {
        "genuine pairs": f"{summary.genuine}",
        "impostor pairs": f"{summary.impostor}",
        "EER": f"{summary.eer:.2%}",
        "  95% by person": _range(summary.by_person and summary.by_person.equal_error_rate, summary.no_people),
        "  95% by pair": _range(summary.by_pair.equal_error_rate),
        "  nearest point": f"{summary.eer_nearest:.2%}",
        "threshold at EER": f"{summary.threshold:.4f}",
        "AUC": f"{summary.auc:.4f}",
    }
    if summary.accuracy is not None:
        accuracy = summary.accuracy
        cells[f"accuracy, {len(accuracy.accuracies)} folds"] = f"{accuracy.mean:.2%} ± {accuracy.std:.2%}"
        cells["  its 95% by person"] = _range(summary.by_person and summary.by_person.accuracy, summary.no_people)
        cells["  its 95% by pair"] = _range(summary.by_pair.accuracy)
        cells["  mean threshold"] = f"{accuracy.threshold:.4f}"
    for place, point in enumerate(summary.tar):
        label = f"TAR at FAR {point.far:g}"
        if not point.supported:
            cells[label] = f"too few impostors ({summary.impostor})"
            continue
        cells[label] = f"{point.tar:.2%} {_of_best(summary, place)}"
    return cells


def _of_best(summary: Summary, place: int) -> str:
    """Interval of a TAR by person where there is one, else by pair."""
    best: Intervals = summary.by_person or summary.by_pair
    return f"({_range(best.tar[place])})"


def _identification(summary: Summary, by: str) -> dict[str, str]:
    """Label, with ``by`` appended, and text of each number about identification."""
    found = summary.identification
    if found is None:
        return {f"identification{by}": summary.no_identification or "-"}
    ends = found.by_person
    ranks = [k for k in (1, 5) if k <= len(found.cmc)]
    cells = {f"rank {k}{by}": f"{found.cmc[k - 1]:.2%} ({_range(ends.cmc[k - 1])})" for k in ranks}
    cells["  gallery"] = f"{found.people} people, {found.probes} probes"
    for point, interval in zip(found.tpir, ends.tpir, strict=True):
        few = f"too few strangers ({found.strangers})"
        cells[f"TPIR at FPIR {point.fpir:g}{by}"] = f"{point.tpir:.2%} ({_range(interval)})" if point.supported else few
    return cells


def _range(interval: Interval | None, otherwise: str | None = None) -> str:
    return (otherwise or "-") if interval is None else f"{interval.low:.2%} - {interval.high:.2%}"
