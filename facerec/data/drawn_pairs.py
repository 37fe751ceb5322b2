"""Pairs to verify, drawn from people and their photographs: none twice, none reversed, no image with itself."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from facerec.data.lots import draws, lot

Pair = tuple[str, str]
Image = TypeVar("Image")
Card = TypeVar("Card")


def genuine_pairs(people: Mapping[str, Sequence[Image]], per_person: int, seed: int) -> list[tuple[Image, Image]]:
    """Up to so many pairs of each person's images. A person's pairs depend on no other person.

    Args:
        people: different photographs of each person: their names, or their indices.
        per_person: most pairs of a person.
        seed: of the draw.

    Example:
        >>> genuine_pairs({"ann": ["ann/1.jpg", "ann/2.jpg"], "bob": ["bob/1.jpg"]}, per_person=20, seed=0)
        [('ann/1.jpg', 'ann/2.jpg')]
    """
    pairs: list[tuple[Image, Image]] = []
    for person, images in people.items():
        numbers = draws(math.comb(len(images), 2), seed, "genuine", person)
        pairs += [_pair_of(number, images) for number in islice(numbers, per_person)]
    return pairs


def _pair_of(number: int, images: Sequence[Image]) -> tuple[Image, Image]:
    """The pairs (0, 1), (0, 2), (1, 2), (0, 3), ... by their number from 0."""
    second = (1 + math.isqrt(1 + 8 * number)) // 2
    return images[number - second * (second - 1) // 2], images[second]


def impostor_pairs(
    people: Mapping[str, Sequence[Image]], count: int, seed: int, links: Mapping[str, str] | None = None
) -> list[tuple[Image, Image]]:
    """Pairs of two people, spread evenly: everybody is in as many, give or take two, while there are enough images.

    Args:
        people: photographs of each person.
        count: number of pairs; fewer if there are not so many.
        seed: of the draw.
        links: people who share a photograph, each with the first of them. They may be one person under two names, so
            no pair is made of them.

    Example:
        >>> people = {name: [f"{name}/1.jpg"] for name in ("ann", "bob", "cy", "di")}
        >>> len(impostor_pairs(people, 4, seed=0)), len(impostor_pairs(people, 99, seed=0))
        (4, 6)
        >>> len(impostor_pairs(people, 99, seed=0, links={"ann": "ann", "cy": "ann"}))
        5
    """
    links = links or {}
    strangers = (
        (first, second)
        for first, second in _person_pairs([person for person, images in people.items() if images], seed)
        if links.get(first, first) != links.get(second, second)
    )
    decks = (_deck(people, first, second, seed) for first, second in islice(strangers, count))
    return list(islice(_in_turn(decks), count))


def _person_pairs(people: Sequence[str], seed: int) -> Iterator[Pair]:
    """All pairs of two people, in rounds that take everybody equally often: each with the one so many places on."""
    around = sorted(people, key=lambda person: lot(seed, "impostor", person))
    half = (len(around) - 1) // 2
    for number in draws(half, seed, "round"):
        yield from ((around[place], around[place - number - 1]) for place in range(len(around)))
    if len(around) % 2 == 0:
        yield from ((around[place], around[place - half - 1]) for place in range(len(around) // 2))


def _deck(people: Mapping[str, Sequence[Image]], first: str, second: str, seed: int) -> Iterator[tuple[Image, Image]]:
    """All pairs of an image of one person and an image of the other."""
    some, others = people[first], people[second]
    for number in draws(len(some) * len(others), seed, "impostor", first, second):
        yield some[number // len(others)], others[number % len(others)]


def _in_turn(decks: Iterable[Iterator[Card]]) -> Iterator[Card]:
    """The first of each deck, then the second of each that has one, and so on."""
    waiting = deque(decks)
    while waiting:
        deck = waiting.popleft()
        for card in islice(deck, 1):
            yield card
            waiting.append(deck)
