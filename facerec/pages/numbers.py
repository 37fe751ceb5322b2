"""The table of results: every number of a test with its interval, and what it means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from facerec.metrics import Interval
from facerec.pages.subject import Subject
from facerec.pages.words import interval_text, percent
from facerec.reports.groups import group_rows
from facerec.reports.identification import Identification
from facerec.reports.summary import Summary

RANKS = (1, 5)


class Number(NamedTuple):
    """A line of the table.

    Attributes:
        name: of the number.
        value: as text.
        interval: of 95 %, or why there is none; empty for a count.
        meaning: what it says, in a line.
    """

    name: str
    value: str
    interval: str
    meaning: str


class Row(NamedTuple):
    """A number of one or two runs: value and interval of each."""

    name: str
    meaning: str
    cells: list[str]


class ResultsTable(NamedTuple):
    """The results of one set of pairs."""

    name: str
    heading: list[str]
    rows: list[Row]


class GroupsTable(NamedTuple):
    """The error rates of the groups of people of one attribute, in a set of pairs of one run."""

    label: str
    caption: str
    rows: list[Sequence[str]]


def groups_tables(subjects: Sequence[Subject]) -> list[GroupsTable]:
    """A table for each attribute that `facerec test --groups` measured."""
    return [
        GroupsTable(
            subject.label,
            f"Groups by {attribute.name}, test pairs {name}, at the threshold {attribute.threshold:.4f}.",
            group_rows(attribute),
        )
        for subject in subjects
        for name, summary in subject.sets.items()
        for attribute in summary.groups or ()
    ]


def results_tables(subjects: Sequence[Subject]) -> list[ResultsTable]:
    """A table for each set of pairs that a run was tested on, with the runs side by side."""
    sets = dict.fromkeys(name for subject in subjects for name in subject.sets)
    return [_table(name, [subject for subject in subjects if name in subject.sets]) for name in sets]


def _table(name: str, subjects: Sequence[Subject]) -> ResultsTable:
    columns = [{number.name: number for number in numbers_of(subject.sets[name])} for subject in subjects]
    merged = {label: number for column in columns for label, number in column.items()}
    heading = ["number"]
    for subject in subjects:
        heading += [subject.label or "value", f"{subject.label}, 95% interval".removeprefix(", ")]
    rows = []
    for label, number in merged.items():
        found = [column.get(label, Number(label, "", "", "")) for column in columns]
        rows.append(Row(label, number.meaning, [text for one in found for text in (one.value, one.interval)]))
    return ResultsTable(name, heading, rows)


def numbers_of(summary: Summary) -> list[Number]:
    """Every number of a set of pairs.

    Example:
        >>> from facerec.reports import evaluate
        >>> numbers = numbers_of(evaluate([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1]))
        >>> [(number.name, number.value) for number in numbers][:3]
        [('EER', '50.00%'), ('threshold at EER', '0.4500'), ('AUC', '0.7500')]
    """
    return [*_of_pairs(summary), *_of_identification(summary)]


def _of_pairs(summary: Summary) -> Iterator[Number]:
    by_pair, by_person = summary.interval_by_pair, summary.interval_by_person
    eer = percent(summary.eer)
    if by_person is not None:
        yield Number("EER, interval by person", eer, interval_text(by_person.equal_error_rate), EER)
        yield Number("EER, interval by pair", eer, interval_text(by_pair.equal_error_rate), BY_PAIR)
    else:
        yield Number("EER", eer, f"{interval_text(by_pair.equal_error_rate)} by pair ({summary.no_people})", EER)
    yield Number("threshold at EER", f"{summary.threshold:.4f}", "", THRESHOLD)
    yield Number("AUC", f"{summary.auc:.4f}", "", AUC)
    for point in summary.tar_at_far:
        name = f"TAR at FAR {point.far:g}"
        if not point.supported:
            yield Number(name, "", f"too few impostors ({summary.impostor:,})", TAR_UNSUPPORTED)
            continue
        meaning = f"share of genuine pairs accepted where 1 of {1 / point.far:,.0f} impostor pairs is"
        yield Number(
            name, percent(point.tar), interval_text(point.interval_by_person or point.interval_by_pair), meaning
        )
    if (accuracy := summary.accuracy) is not None:
        ends = by_person.accuracy if by_person is not None else by_pair.accuracy
        value = f"{percent(accuracy.mean)} ± {percent(accuracy.std)}"
        yield Number(f"accuracy, {len(accuracy.accuracies)} folds", value, interval_text(ends), FOLDS)
    if (at_grid := summary.accuracy_at_grid) is not None:
        name = f"accuracy, {len(at_grid.accuracies)} folds, of 400 thresholds"
        yield Number(name, f"{percent(at_grid.mean)} ± {percent(at_grid.std)}", "", GRID)
    if (cost := summary.likelihood_cost) is not None:
        low, high = cost.interval_by_person or cost.interval_by_pair
        yield Number("Cllr, bits", f"{cost.cllr:.3f}", f"{low:.3f} to {high:.3f}", CLLR)
        yield Number("min Cllr, bits", f"{cost.min_cllr:.3f}", "", MIN_CLLR)


def _of_identification(summary: Summary) -> Iterator[Number]:
    found: Identification | None = summary.identification
    if found is None:
        yield Number("identification", "", summary.no_identification or "none", IDENTIFICATION)
        return
    for rank in RANKS:
        if rank <= len(found.cmc):
            meaning = f"share of {found.probes:,} searches among {found.people:,} people that " + (
                "find the right person" if rank == 1 else f"have the right person among the first {rank}"
            )
            yield Number(f"rank {rank}", percent(found.cmc[rank - 1]), _ends(found, rank), meaning)
    if (precision := found.mean_average_precision) is not None:
        yield Number("mAP", percent(precision), interval_text(found.mean_average_precision_interval), MAP)
    for point in found.tpir:
        name = f"TPIR at FPIR {point.fpir:g}"
        if point.supported:
            yield Number(name, percent(point.tpir), interval_text(point.interval_by_person), TPIR)
        else:
            yield Number(name, "", f"too few strangers ({found.strangers:,})", TPIR)


def _ends(found: Identification, rank: int) -> str:
    ends: Interval = found.cmc_interval_by_person[rank - 1]
    return interval_text(ends)


BY_PAIR = "the same rate; take this interval only where each person is in one or two pairs"
EER = "the error where FAR and FRR are equal; lower is better, guessing gives 50%"
THRESHOLD = "the score at which FAR and FRR are equal on the test pairs; the model uses its own threshold"
AUC = "chance that a genuine pair scores higher than an impostor pair; guessing gives 0.5"
TAR_UNSUPPORTED = "needs ten impostor pairs above the threshold"
FOLDS = "share of right decisions, with each fold's threshold from the other folds; ± is over folds"
GRID = "the same with thresholds from -1 to 1 in steps of 0.005, as lfw_eval.py has them"
CLLR = "what the model's likelihood ratios cost; 0 is perfect, 1 is that of no ratio"
MIN_CLLR = "the least that any ratios of these scores cost; the rest is the fault of the line from score to ratio"
IDENTIFICATION = "needs people that are known"
MAP = "mean average precision: 1 where each search lists all images of its person before all others"
TPIR = "share of enrolled people identified while this share of strangers is wrongly named"
