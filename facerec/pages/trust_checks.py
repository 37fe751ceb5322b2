"""The third answer of a page: can I trust the number. Each check is good, calls for caution, or is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from facerec.pages.data_facts import DataFacts
from facerec.pages.subject import Subject
from facerec.pages.words import counted, error_interval, interval_text, percent
from facerec.run_folders import BEST

Status = Literal["good", "caution", "unknown"]
CHOSEN_BY = {"val/eer": "the validation EER", "val/accuracy": "dev accuracy", "last": "nothing: it is the last one"}


class Check(NamedTuple):
    """What was looked at, what was found, and whether that is good."""

    status: Status
    title: str
    text: str


def trust_checks(subject: Subject) -> list[Check]:
    """Everything that tells whether the numbers of a tested run can be trusted; for another run nothing."""
    if subject.test is None:
        return []
    checks = [_people_apart(subject)]
    for name in subject.sets:
        suffix = f", {name}" if len(subject.sets) > 1 else ""
        checks += [check._replace(title=f"{check.title}{suffix}") for check in _of_set(subject, name)]
    return [*checks, *_threshold(subject), _choice(subject), *_tested_file(subject), ONE_TRAINING]


def in_short(checks: list[Check]) -> str:
    """The checks in a sentence.

    Example:
        >>> in_short([Check("good", "People", ""), Check("caution", "Looks", ""), Check("unknown", "Images", "")])
        'With care: 1 of 3 checks is good, 1 calls for caution, 1 is unknown.'
    """
    if not checks:
        return "There is no number yet."
    good, caution, unknown = (
        sum(check.status == status for check in checks) for status in ("good", "caution", "unknown")
    )
    told = [f"{good} of {len(checks)} checks {'is' if good == 1 else 'are'} good"]
    told += [f"{caution} {'calls' if caution == 1 else 'call'} for caution"] if caution else []
    told += [f"{unknown} {'is' if unknown == 1 else 'are'} unknown"] if unknown else []
    return f"{'With care' if caution or unknown else 'Yes'}: {', '.join(told)}."


def _people_apart(subject: Subject) -> Check:
    title, data = "People are apart", subject.data
    if not isinstance(data, DataFacts):
        return Check("unknown", title, f"The data could not be read: {data}.")
    if data.overlaps:
        return Check("caution", "People are not apart", " ".join(f"{message}." for message in data.overlaps))
    if not data.compared:
        text = "Names do not tell who is on the images. `facerec inspect` compares the images themselves."
        return Check("unknown", title, text)
    text = "No person and no image is in two of training, validation and test, by their names."
    return Check("good", title, f"{text} `facerec inspect` compares pixels.")


def _of_set(subject: Subject, name: str) -> Iterator[Check]:
    yield _looks(subject, name)
    summary = subject.sets[name]
    interval, by = error_interval(summary)
    width = 100.0 * (interval.high - interval.low)
    is_wide = interval.high - interval.low > summary.eer
    people = subject.people(name)
    over = f"{people:,} people" if people is not None and by == "person" else counted(summary.genuine, "genuine pair")
    text = f"The 95% interval by {by} goes from {interval_text(interval)}: {width:.1f} points over {over}."
    if is_wide:
        text += " That is wider than the EER itself. Four times the people would halve it."
    if by == "pair":
        text += f" There is none by person: {summary.no_people}. It is too narrow where people are in many pairs."
    yield Check(
        "caution" if is_wide or by == "pair" else "good", "The interval is narrow" if not is_wide else WIDE, text
    )


WIDE = "The interval is wide"


def _looks(subject: Subject, name: str) -> Check:
    found = subject.looks(name)
    if found is None:
        return Check("unknown", "Looks at test people", "They were not counted.")
    own = "once" if found.own == 1 else f"{found.own} times"
    text = f"This run looked at them {own}"
    if found.all_runs > found.own:
        text += f", and the {found.runs} runs of {subject.folder.parent.name} {found.all_runs} times"
    if found.all_runs == 1:
        return Check("good", "One look at test people", f"{text}.")
    return Check(
        "caution",
        "Several looks at test people",
        f"{text}. An EER is too low where settings were chosen by it: choose by validation people.",
    )


def _threshold(subject: Subject) -> Iterator[Check]:
    assert subject.test is not None
    measurement, threshold = subject.test.measurement, subject.test.threshold
    if measurement.calibration is None or threshold is None:
        text = "No threshold of these scores is stored, so nothing says which pairs the model accepts."
        yield Check("caution", "No threshold", text)
        return
    chosen_on = set(measurement.calibration.get("pairs", []))
    of_test = {fingerprint for fingerprint, name in subject.looked.items() if name in subject.sets}
    if chosen_on & of_test:
        text = "The threshold was chosen on the very pairs of the test: FAR and FRR at it are too low."
        yield Check("caution", "The threshold saw the test people", text)
        return
    expected = f"FAR {percent(measurement.calibration['far'])}, FRR {percent(measurement.calibration['frr'])}"
    text = f"{threshold:.4f} was chosen on the validation pairs, with {expected} there."
    for name in subject.sets:
        if (rates := rates_at_threshold(subject, name)) is not None:
            text += f" On the test pairs {name} it gives FAR {percent(rates[0])}, FRR {percent(rates[1])}."
    title = "The threshold comes from validation people"
    yield Check("good" if chosen_on else "unknown", title, text if chosen_on else f"{text} On which, is not stored.")


def rates_at_threshold(subject: Subject, name: str) -> tuple[float, float] | None:
    """FAR and FRR of a set of test pairs at the model's threshold; None where they were not measured."""
    logged = subject.test.measurement.logged if subject.test is not None else {}
    far, frr = (logged.get(f"test/{name}/{rate}_at_calibrated") for rate in ("far", "frr"))
    return None if far is None or frr is None else (far, frr)


def _choice(subject: Subject) -> Check:
    title = "The checkpoint was chosen without test people"
    chosen_by = subject.card.chosen_by if subject.card is not None else None
    if chosen_by is None:
        return Check("unknown", title, "No model card says what chose it.")
    return Check("good", title, f"It was chosen by {CHOSEN_BY.get(chosen_by, chosen_by)}.")


def _tested_file(subject: Subject) -> Iterator[Check]:
    """Where another checkpoint than today's best was tested."""
    assert subject.test is not None
    tested = (subject.test.measurement.checkpoint or "").replace("\\", "/").rpartition("/")[2]
    if subject.best is not None and subject.best.match(BEST) and tested not in ("", subject.best.name):
        text = f"{tested} was tested, and {subject.best.name} is the best checkpoint now: {subject.test_command}"
        yield Check("caution", "Another checkpoint was tested", text)


ONE_TRAINING = Check(
    "caution",
    "One training",
    "Another seed gives another network. The interval covers other people, not other seeds: "
    "`facerec compare RUNS` shows the mean and the spread of several.",
)
