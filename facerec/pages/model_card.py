"""A model card: licence, use, limits, and the error rates in the terms of ISO/IEC 19795-1.

Mitchell et al., "Model cards for model reporting", FAT* 2019. In ISO's terms the error rates of pairs of images are
FMR and FNMR. With FTA, the share of images without a usable face (failure to acquire), one attempt of a system has
FAR = FMR (1 - FTA) and FRR = FTA + FNMR (1 - FTA).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from facerec.pages.answers import people_measured
from facerec.pages.data_facts import DataFacts
from facerec.pages.subject import Subject
from facerec.pages.trust_checks import rates_at_threshold
from facerec.pages.words import counted, interval_text, percent

NO_LICENCE = (
    "Not stated. facerec's code is MIT, but that says nothing about these weights: the terms of the training images "
    "may forbid commercial use or passing them on. `facerec report --licence TEXT` puts it here."
)
USE = (
    "Research and teaching on face verification and identification. The model gives scores of pairs of face images "
    "that were cropped as its training images were."
)
NO_USE = (
    "Not for decisions about people without a human who can overrule them, and not for watching people without their "
    "consent. Faces are personal data; in many countries a face template is biometric data under special protection."
)
LIKE_THE_TEST = "The rates hold for people, cameras and poses like those of the test."
NO_GROUPS = "Nothing here says how they differ between groups of people such as sexes, ages or skin tones."
GROUPS = "Under results stands how they differ between groups by"
ATTACKS = "Nothing here says how the model meets masks, photographs of photographs or other attacks."
TERMS = (
    "ISO/IEC 19795-1 calls facerec's FAR of pairs the false match rate (FMR), and its FRR the false non-match rate "
    "(FNMR). Both count comparisons of images with a usable face."
)
ACQUIRE = (
    "Not measured by this test, whose pairs are of given images. `facerec align` counts photographs without a face. If "
    "their share is FTA, an attempt is accepted wrongly at a rate of FMR (1 - FTA), and rejected wrongly at one of "
    "FTA + FNMR (1 - FTA)."
)
UNKNOWN = "unknown"


class Entry(NamedTuple):
    """A line of the card of a run."""

    name: str
    text: str


class Line(NamedTuple):
    """A line of the cards of all runs: one text without a label where they agree, else one for each run."""

    name: str
    texts: list[tuple[str, str]]


def model_cards(subjects: Sequence[Subject], licence: str | None = None) -> list[Line]:
    """The cards of the models of all runs in one.

    Args:
        subjects: the runs.
        licence: of the weights, in the user's words.
    """
    texts: dict[str, list[tuple[str, str]]] = {}
    for subject in subjects:
        for name, text in model_card(subject, licence):
            texts.setdefault(name, []).append((subject.label, text))
    return [Line(name, _merged(found, len(subjects))) for name, found in texts.items()]


def _merged(texts: list[tuple[str, str]], runs: int) -> list[tuple[str, str]]:
    is_shared = len(texts) == runs and len({text for _, text in texts}) == 1
    return [("", texts[0][1])] if is_shared else texts


def model_card(subject: Subject, licence: str | None = None) -> list[Entry]:
    """The card of a run's model.

    Args:
        subject: the run.
        licence: of the weights, in the user's words.
    """
    return [
        Entry("model", f"{subject.name}, {_network(subject)}"),
        Entry("licence", licence or NO_LICENCE),
        Entry("intended use", USE),
        Entry("not intended", NO_USE),
        Entry("trained on", _trained_on(subject)),
        Entry("started from", _started_from(subject)),
        Entry("alignment of the images", _alignment(subject)),
        Entry("measured on", people_measured(subject) or f"nobody yet: {subject.test_command}"),
        Entry("terms", TERMS),
        *_rates(subject),
        Entry("failure to acquire (FTA)", " ".join(_acquired(subject)) or ACQUIRE),
        Entry("limits", _limits(subject)),
    ]


def _limits(subject: Subject) -> str:
    measured = {attribute.name for summary in subject.sets.values() for attribute in summary.groups or ()}
    groups = f"{GROUPS} {', '.join(sorted(measured))}." if measured else NO_GROUPS
    return f"{LIKE_THE_TEST} {groups} {ATTACKS}"


def _network(subject: Subject) -> str:
    settings = subject.run.settings
    backbone, loss = (str(settings.get(f"model.{part}.class_path", UNKNOWN)) for part in ("backbone", "loss"))
    size = subject.run.results.get("parameters")
    parameters = f" of {size:,} parameters" if isinstance(size, int) else ""
    return f"{backbone.rpartition('.')[2]}{parameters}, trained with {loss.rpartition('.')[2]}"


def _trained_on(subject: Subject) -> str:
    people = len(subject.card.identities) if subject.card is not None else 0
    told = counted(people, "person", "people") if people else "an unknown number of people"
    if isinstance(subject.data, DataFacts):
        told += "".join(
            f", {group.images:,} images by {group.source}" for group in subject.data.groups if group.name == "training"
        )
    return told


def _started_from(subject: Subject) -> str:
    origin = subject.card.started_from if subject.card is not None else None
    if origin is None:
        return "new weights" if subject.card is not None else UNKNOWN
    return f"{origin['file']}, step {origin['step']:,}, SHA-256 {origin['sha256']}"


def _alignment(subject: Subject) -> str:
    how = subject.card.alignment if subject.card is not None else None
    return str(how) if how is not None else "unknown: the training images came without a record of it"


def _rates(subject: Subject) -> Iterator[Entry]:
    threshold = subject.test.threshold if subject.test is not None else None
    for name in subject.sets:
        rates, found = rates_at_threshold(subject, name), subject.sets[name].at_threshold
        if found is not None:
            fmr, fnmr = (f"{percent(rate.rate)} ({interval_text(rate.interval)})" for rate in (found.fmr, found.fnmr))
            text = f"FMR {fmr}, FNMR {fnmr} at the model's threshold {found.threshold:.4f}; 95% by {found.by}"
        elif rates is not None and threshold is not None:
            far, frr = rates
            text = f"FMR {percent(far)}, FNMR {percent(frr)} at the model's threshold {threshold:.4f}"
        else:
            text = "no threshold of these scores is stored, so no FMR and FNMR at one"
        yield Entry(f"error rates, {name}", text)


def _acquired(subject: Subject) -> Iterator[str]:
    """What `facerec align` left out of each set of pairs, where it wrote that down."""
    for name, summary in subject.sets.items():
        found = summary.at_threshold
        if found is not None and found.acquisition is not None:
            attempts = f"FAR {percent(found.far)}, FRR {percent(found.frr)}"
            yield f"{name}: {found.acquisition}. An attempt then has {attempts}."
