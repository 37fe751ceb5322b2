"""The part of a split that each person is in: by the name and the seed alone, so that adding people moves nobody."""

from collections import Counter
from collections.abc import Mapping
from itertools import accumulate
from typing import Literal, get_args

from facerec.data.lots import TICKETS, ticket
from facerec.preparation.split_settings import SplitSettings

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)
SEEDS_TRIED = 100
FEW_PEOPLE = 1000  # with more, no other seed can help

Counts = Mapping[str, int]
"""Number of different photographs of each person."""
Links = Mapping[str, str]
"""For everyone who shares a photograph with others: the first of these people."""


def divide(people: Counts, links: Links, settings: SplitSettings) -> dict[str, Part]:
    """The part of each person.

    Args:
        people: whom to divide.
        links: the people who share photographs. With ``keep_together`` they go where the first of them goes.
        settings: shares and seed.

    Raises:
        ValueError: if a part has too few people, naming a seed that gives enough of them.
    """
    parts = _draw(people, links, settings, settings.seed)
    missing = _missing(parts, people, links, settings)
    if missing is not None:
        raise ValueError(f"{missing}. {_way_out(people, links, settings)}")
    return parts


def part_of(person: str, seed: int, fractions: tuple[float, ...]) -> Part:
    """The part of a person.

    Example:
        >>> [part_of(name, 0, (0.5, 0.25, 0.25)) for name in ("ann", "bob", "cy", "di")]
        ['validation', 'test', 'train', 'test']
    """
    bounds = [round(TICKETS * bound) for bound in accumulate(fractions)]
    number = ticket(seed, "person", person)
    return next(part for part, bound in zip(PARTS, bounds, strict=True) if number < bound)


def _draw(people: Counts, links: Links, settings: SplitSettings, seed: int) -> dict[str, Part]:
    leaders = links if settings.keep_together else {}
    return {person: part_of(leaders.get(person, person), seed, settings.fractions) for person in people}


def _missing(parts: Mapping[str, Part], people: Counts, links: Links, settings: SplitSettings) -> str | None:
    """What a part lacks; None if all have enough to be trained on or measured."""
    for part in PARTS:
        counts = {person: people[person] for person, own in parts.items() if own == part}
        if part == "train":
            able = sum(count >= settings.min_images for count in counts.values())
            if able < 2:
                return (
                    f"--seed {settings.seed} puts {able} of {len(people)} people with at least {settings.min_images} "
                    "images into train, which needs two"
                )
        elif settings.fractions[PARTS.index(part)] > 0:
            strangers = len({links.get(person, person) for person, count in counts.items() if count})
            if strangers < 2 or max(counts.values()) < 2:
                return (
                    f"--seed {settings.seed} puts {len(counts)} of {len(people)} people into {part}, which needs two "
                    "different ones, one of them with two images"
                )
    return None


def _way_out(people: Counts, links: Links, settings: SplitSettings) -> str:
    """What to do about too few people."""
    seeds = range(SEEDS_TRIED if len(people) <= FEW_PEOPLE else 0)
    drawn = {seed: _draw(people, links, settings, seed) for seed in seeds}
    good = [seed for seed, parts in drawn.items() if _missing(parts, people, links, settings) is None]
    if good:
        best = min(good, key=lambda seed: _distance(drawn[seed], settings.fractions))
        counts = Counter(drawn[best].values())
        return f"--seed {best} gives " + ", ".join(f"{counts[part]} to {part}" for part in PARTS if counts[part])
    has_test = settings.fractions[PARTS.index("test")] > 0
    fewest = "six people of two images (four with --shares 60 40 0, without test people)" if has_test else "four people"
    return f"No seed helps: add people, or give other shares. At least {fewest} are needed"


def _distance(parts: Mapping[str, Part], fractions: tuple[float, ...]) -> float:
    """How far the people in the parts are from their shares."""
    counts = Counter(parts.values())
    return sum(abs(counts[part] - share * len(parts)) for part, share in zip(PARTS, fractions, strict=True))
