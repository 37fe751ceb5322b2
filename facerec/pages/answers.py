"""The first two answers of a page: does the network recognise people it has never seen, and which run is better.

:mod:`facerec.pages.trust_checks` gives the third one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from facerec.metrics import Difference
from facerec.pages.data_facts import DataFacts
from facerec.pages.subject import Subject
from facerec.pages.words import counted, error_interval, interval_text, percent
from facerec.reports.comparison import cell_text, differing, setting
from facerec.reports.paired import PairedComparison
from facerec.reports.paired_runs import PairedRuns, compare_paired
from facerec.reports.summary import Summary, TarPoint

GUESSING = 0.5  # the EER of scores that know nothing


class Tile(NamedTuple):
    """A number that is shown large, what it is, and what else must be known of it."""

    value: str
    name: str
    note: str = ""


@dataclass(frozen=True)
class Answer:
    """An answer about one set of pairs, or about a run without any.

    Attributes:
        about: the run and the set; empty where there is only one of each.
        short: the answer in a sentence.
        sentences: what it rests on.
        tiles: its numbers.
        commands: what to type next.
        rows: cells of a table, the heading first.
    """

    about: str
    short: str
    sentences: list[str] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def recognises(subjects: Sequence[Subject]) -> list[Answer]:
    """Whether each run recognises people it has never seen: an answer for each of its sets of test pairs."""
    answers = []
    for subject in subjects:
        if not subject.sets:
            answers.append(_untested(subject))
        several = len(subjects) > 1 or len(subject.sets) > 1
        for name, summary in subject.sets.items():
            about = ", ".join(filter(None, [subject.label, name])) if several else ""
            answers.append(_measured(subject, name, summary, about))
    return answers


def _untested(subject: Subject) -> Answer:
    sentences = ["Only facerec test looks at test people, whom neither training nor the choice of checkpoint saw."]
    rate = subject.run.results.get("validation EER")
    if isinstance(rate, float):
        sentences.append(
            f"The validation EER is {percent(rate)}. It chose the checkpoint, so it is too low for other people."
        )
    return Answer(subject.label, "Not known yet: this run was not tested.", sentences, commands=[subject.test_command])


def _measured(subject: Subject, name: str, summary: Summary, about: str) -> Answer:
    interval, by = error_interval(summary)
    people = subject.people(name)
    tiles = [Tile(percent(summary.eer), "equal error rate", f"95% by {by}: {interval_text(interval)}")]
    rate = percent(summary.eer)
    sentences = [f"At one threshold it rejects {rate} of the genuine pairs and accepts {rate} of the impostor pairs."]
    if point := _strictest(summary):
        ends = point.interval_by_person or point.interval_by_pair
        tiles.append(
            Tile(
                percent(point.tar),
                f"accepted at FAR {point.far:.4g}",
                f"95%: {interval_text(ends)}" if ends else "",
            )
        )
        sentences.append(
            f"Where it lets {1000 * point.far:.3g} of 1,000 pairs of two people through (FAR {point.far:.4g}), it "
            f"accepts {1000 * point.tar:.0f} of 1,000 pairs of one person (TAR)."
        )
    else:
        sentences.append(f"{summary.impostor:,} impostor pairs are too few for a TAR at any FAR of the table.")
    tiles.append(Tile("unknown" if people is None else f"{people:,}", "test people"))
    pairs_note = f"{summary.genuine:,} genuine, {summary.impostor:,} impostor"
    tiles.append(Tile(f"{summary.genuine + summary.impostor:,}", "test pairs", pairs_note))
    return Answer(about, _verdict(subject, summary), sentences, tiles)


def _strictest(summary: Summary) -> TarPoint | None:
    """The lowest FAR that the impostor pairs support."""
    return min((point for point in summary.tar_at_far if point.supported), key=lambda point: point.far, default=None)


def _verdict(subject: Subject, summary: Summary) -> str:
    (low, high), _ = error_interval(summary)
    if isinstance(subject.data, DataFacts) and subject.data.overlaps:
        return "Not shown: people or images of the test are in another group too. See the third answer."
    if low > GUESSING:
        return "No. It is worse than guessing, which gives 50%: the labels of the pairs may be flipped."
    if high >= GUESSING:
        return "Not shown: the interval of its error rate includes 50%, which guessing gives."
    return f"Yes: its equal error rate is {percent(summary.eer)}. Guessing gives 50%."


def which_is_better(subjects: Sequence[Subject]) -> list[Answer]:
    """The paired verdict of two runs for each set of pairs; of one run, how to get one."""
    if len(subjects) == 1:
        run = subjects[0].path
        return [
            Answer(
                "",
                "One run cannot say which choice made it better.",
                ["Train a second run with another choice and the same data, test it, and compare the two:"],
                commands=[f"facerec report {run} OTHER", f"facerec compare --paired {run} OTHER"],
            )
        ]
    if untested := [subject for subject in subjects if subject.test is None]:
        which = " and ".join(subject.label for subject in untested)
        commands = [subject.test_command for subject in untested]
        return [Answer("", f"Not known yet: {which} was not tested.", commands=commands)]
    first, second = subjects
    try:
        found = compare_paired(first.folder, second.folder)
    except (ValueError, FileNotFoundError) as error:
        return [Answer("", "The two cannot be compared.", [f"{error}."])]
    return [_compared(name, one, found) for name, one in found.sets.items()]


def _compared(name: str, one: PairedComparison, found: PairedRuns) -> Answer:
    rates: dict[str, Difference] = {"EER": one.eer} | {f"TAR at FAR {far:g}": tar for far, tar in one.tar.items()}
    rows = [["rate", "A", "B", "A minus B", "its 95% interval"]]
    rows += [
        [
            rate,
            percent(pair.first),
            percent(pair.second),
            f"{pair.difference:+.2%}",
            f"{pair.interval.low:+.2%} to {pair.interval.high:+.2%}",
        ]
        for rate, pair in rates.items()
    ]
    sentences = [" ".join(lines) for lines in (one.basis.splitlines(), one.notes, found.notes) if lines]
    return Answer(name if len(found.sets) > 1 else "", f"By the EER: {one.verdict}.", sentences, rows=rows)


def what_differs(subjects: Sequence[Subject]) -> list[list[str]]:
    """Rows of the settings in which two runs differ, the heading first; none for one run."""
    if len(subjects) == 1:
        return []
    runs = [subject.run for subject in subjects]
    rows = [[name, *(cell_text(setting(run, name), name) for run in runs)] for name in differing(runs)]
    return [["setting", *(subject.label for subject in subjects)], *rows]


def people_measured(subject: Subject) -> str:
    """The people behind the numbers of a run, for its model card."""
    told = []
    for name, summary in subject.sets.items():
        people = subject.people(name)
        who = "an unknown number of people" if people is None else counted(people, "person", "people")
        told.append(f"{name}: {who}, {summary.genuine:,} genuine and {summary.impostor:,} impostor pairs")
    return "; ".join(told)
