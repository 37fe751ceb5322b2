"""The page itself: one HTML file that loads nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from facerec import __version__
from facerec.pages import pictures
from facerec.pages.answers import recognises, what_differs, which_is_better
from facerec.pages.data_facts import DataFacts
from facerec.pages.hard_pairs import hardest_pairs
from facerec.pages.model_card import model_cards
from facerec.pages.numbers import groups_tables, results_tables
from facerec.pages.settings_told import environment, every_setting, settings_in_short
from facerec.pages.subject import Subject
from facerec.pages.trust_checks import in_short, trust_checks
from facerec.plots import EmbeddedImages

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATE, STYLE, SCRIPT = "page.html", "page.css", "page.js"
LARGEST = 5_000_000  # bytes
WIDE = 700  # pixels, above which a figure scrolls on a phone


@dataclass(frozen=True)
class Choices:
    """What a page shows.

    Attributes:
        title: of the page; by default the names of the runs.
        licence: of the weights, for the model card.
        faces: whether images of faces are in it. Faces are personal data.
    """

    title: str | None = None
    licence: str | None = None
    faces: bool = True


def report_page(subjects: Sequence[Subject], embedded: Sequence[EmbeddedImages] | str, choices: Choices) -> str:
    """The HTML of a page about one or two runs.

    Args:
        subjects: the runs.
        embedded: images of the same dev people as each network sees them; or why there are none.
        choices: what the page shows.

    Raises:
        ValueError: if jinja2 is not installed, or the page has more than 5 MB.
    """
    environment_of_templates = _templates()
    script = _file(SCRIPT)
    names = " and ".join(subject.name for subject in subjects)
    tested = [subject for subject in subjects if subject.test is not None]
    page = environment_of_templates.from_string(_file(TEMPLATE)).render(
        title=choices.title or (names if len(subjects) == 1 else "Two runs side by side"),
        names=names,
        version=__version__,
        style=_file(STYLE),
        script=script,
        script_hash=_hash(script),
        subjects=subjects,
        wide=WIDE,
        recognises=recognises(subjects),
        which_is_better=which_is_better(subjects),
        what_differs=what_differs(subjects),
        trusted=[(subject, (checks := trust_checks(subject)), in_short(checks)) for subject in subjects],
        in_short=settings_in_short(subjects),
        environment=environment(subjects),
        data=_data(subjects),
        every_setting=every_setting(subjects),
        curves=pictures.training_curves(subjects),
        tables=results_tables(subjects),
        groups=groups_tables(subjects),
        error_rates=pictures.error_rates(subjects),
        hard=[(subject, hardest_pairs(subject)) for subject in tested],
        shows_faces=choices.faces,
        faces=pictures.faces(tested) if choices.faces else [],
        plane=pictures.people_in_a_plane(embedded),
        card=model_cards(subjects, choices.licence),
    )
    content = page.encode("utf-8", "replace")  # the name of a file need not be UTF-8
    if len(content) > LARGEST:
        size = len(content) / 1e6
        raise ValueError(f"the page would have {size:.1f} MB, more than 5: give --faces false or --tsne false")
    return content.decode("utf-8")


def _data(subjects: Sequence[Subject]) -> list[tuple[str, DataFacts | str, bool]]:
    """Data of the runs with a heading, and whether they were read; without a heading where all have the same."""
    if all(subject.data == subjects[0].data for subject in subjects):
        return [("", subjects[0].data, isinstance(subjects[0].data, DataFacts))]
    return [(f"{one.label} {one.name}", one.data, isinstance(one.data, DataFacts)) for one in subjects]


def require_jinja() -> None:
    """Refuse a page before anything is read for it.

    Raises:
        ValueError: if jinja2 is not installed, naming the extra.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError as error:
        raise ValueError(f'facerec report needs jinja2 ({error}): pip install "facerec[report]"') from error


def _templates() -> Environment:
    """Everything that is put into a template is escaped."""
    require_jinja()
    from jinja2 import Environment, StrictUndefined

    templates = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    templates.filters |= {"told": _told, "breakable": _breakable}
    return templates


def _told(text: str) -> Markup:
    """Text in which backticks enclose code, as messages of facerec have it."""
    from markupsafe import Markup, escape

    plain = text.split("`")
    if len(plain) % 2 == 0:  # one of them has no partner
        return escape(text)
    parts = [
        escape(part) if place % 2 == 0 else Markup("<code>{}</code>").format(part) for place, part in enumerate(plain)
    ]
    return Markup("").join(parts)


def _breakable(text: str) -> Markup:
    """Text that may go on in another line after a slash."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=/)", text))


def _file(name: str) -> str:
    return (resources.files("facerec.pages") / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """What lets a browser run this script and no other (Content Security Policy)."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
