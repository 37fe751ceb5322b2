"""Figures as parts of a page: each with a text for those who do not see it, or the reason why it is not there."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from facerec import plots
from facerec.pages.subject import Subject
from facerec.pages.words import percent
from facerec.reports.kept_scores import MeasuredRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS = 96  # of a page in an inch
MOST_FACES = 3_000_000  # bytes of images of faces in a page


class Picture(NamedTuple):
    """A figure.

    Attributes:
        heading: what it is.
        caption: how to read it.
        source: the picture itself, as a data URI; empty where there is none.
        alt: what it shows, for those who do not see it.
        width: in pixels.
        height: in pixels.
        missing: why there is no picture; else empty.
    """

    heading: str
    caption: str
    source: str = ""
    alt: str = ""
    width: int = 0
    height: int = 0
    missing: str = ""


def training_curves(subjects: Sequence[Subject]) -> Picture:
    """Train loss, dev accuracy and validation EER over the epochs."""
    caption = (
        "Faint lines are the values, others a moving mean. The validation EER chose the checkpoint, so it is too low."
    )
    alt = f"Lines over epochs for {_names(subjects)}: train loss, dev accuracy and validation EER, if they were logged."
    folders = [subject.folder for subject in subjects]
    return _drawn("Training curves", caption, alt, lambda: plots.curves_figure(plots.read_courses(folders), ""))


def error_rates(subjects: Sequence[Subject]) -> list[Picture]:
    """ROC, DET, CMC and histograms of the runs that were tested; none if there is no such run."""
    tested = [subject for subject in subjects if subject.test is not None and subject.sets]
    tests = [subject.test for subject in tested if subject.test is not None]
    if not tests:
        return []
    return [_drawn(name, caption, f"{alt} {_eers(tested)}", _of(draw, tests)) for name, caption, alt, draw in KINDS]


def _of(draw: Callable[[Sequence[MeasuredRun], str], Figure], tests: Sequence[MeasuredRun]) -> Callable[[], Figure]:
    return lambda: draw(tests, "")


KINDS = (
    (
        "ROC",
        "Share of genuine pairs accepted over the share of impostor pairs accepted, which is on a logarithmic axis. "
        "Nearer to the upper left is better.",
        "ROC curve of the test pairs.",
        plots.roc_figure,
    ),
    (
        "DET",
        "Both error rates on normal deviate axes. Nearer to the lower left is better.",
        "DET curve of the test pairs.",
        plots.det_figure,
    ),
    (
        "Scores",
        "Histograms of both kinds of pairs. Where they overlap, the network errs.",
        "Histograms of genuine and impostor scores, with the thresholds.",
        plots.scores_figure,
    ),
    (
        "CMC",
        "Share of searches that have the right person among the first k of the gallery, with bands of 95% over people.",
        "Share identified over the rank k.",
        plots.cmc_figure,
    ),
)


def people_in_a_plane(embedded: Sequence[plots.EmbeddedImages] | str) -> Picture:
    """t-SNE of dev people.

    Args:
        embedded: their images as each network sees them, or why there are none.
    """
    heading = "Embeddings of dev people (t-SNE)"
    caption = (
        "Each point is an image, each marker a person whom the network was trained on; these images it has not seen. "
        "Near points are alike. Distances between groups and their sizes mean nothing."
    )
    if isinstance(embedded, str):
        return Picture(heading, caption, missing=embedded)
    alt = f"t-SNE: {'; '.join(f'{some.network}, {some.counts}' for some in embedded)}."
    return _drawn(heading, caption, alt, lambda: plots.tsne_figure(embedded, ""))


def faces(subjects: Sequence[Subject]) -> list[Picture]:
    """The pairs with the largest errors, as ``facerec test`` drew them; two runs side by side."""
    found, left = [], MOST_FACES
    for name in dict.fromkeys(name for subject in subjects for name in subject.sets):
        for kind, what in WORST.items():
            for subject in subjects:
                path = subject.folder / "test" / f"{name}_{kind}.png"
                heading = " ".join(filter(None, [subject.label, f"worst {kind.replace('_', ' ')}, {name}"]))
                caption = f"Pairs of {what} at the EER threshold, the worst first, with their scores."
                alt = (
                    f"Up to 20 pairs of faces, {what}, each with its score; the table of the hardest pairs names them."
                )
                if path.is_file() and (size := path.stat().st_size) <= left:
                    left -= size
                    found.append(_png(heading[0].upper() + heading[1:], caption, alt, path))
    return found


WORST = {"false_accepts": "two people taken for one", "false_rejects": "one person taken for two"}


def _png(heading: str, caption: str, alt: str, path: Path) -> Picture:
    from PIL import Image

    with Image.open(path) as image:
        width, height = image.size
    return Picture(heading, caption, _uri(path.read_bytes(), "image/png"), alt, width, height)


def _drawn(heading: str, caption: str, alt: str, draw: Callable[[], Figure]) -> Picture:
    """The figure, or why it cannot be drawn."""
    try:
        figure = draw()
        _take_names_as_they_are(figure)
        svg = _svg(figure, heading)
    except (ValueError, FileNotFoundError) as error:
        return Picture(heading, caption, missing=f"{error}")
    width, height = (round(PIXELS * inches) for inches in figure.get_size_inches())
    return Picture(heading, caption, _uri(svg, "image/svg+xml"), alt, width, height)


def _take_names_as_they_are(figure: Figure) -> None:
    """Let a dollar sign in the name of a person or run begin no formula; the numbers of a logarithmic axis are some."""
    from matplotlib.legend import Legend

    names = [text for legend in figure.findobj(Legend) for text in legend.get_texts()]
    for text in [*names, *(axes.title for axes in figure.axes)]:
        text.set_parse_math(False)


def _svg(figure: Figure, salt: str) -> bytes:
    """The same bytes for the same figure."""
    from matplotlib import rc_context

    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": salt}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _names(subjects: Sequence[Subject]) -> str:
    return " and ".join(subject.name for subject in subjects)


def _eers(subjects: Sequence[Subject]) -> str:
    return "; ".join(
        f"EER {percent(summary.eer)} of {subject.name} on {name}"
        for subject in subjects
        for name, summary in subject.sets.items()
    )
