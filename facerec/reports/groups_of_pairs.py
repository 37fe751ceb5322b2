"""Error rates of groups of people, for the sets of pairs of a test."""

from collections.abc import Mapping
from dataclasses import replace

from facerec.data.people import UNKNOWN, people_of
from facerec.data.sources import PairSource
from facerec.reports.groups import Attribute, Groups, groups_table, rates_of_groups
from facerec.reports.scored import ScoredSet
from facerec.reports.summary import Summary, why_not_by_person


def require_people(groups: Groups, sets: Mapping[str, PairSource]) -> None:
    """Refuse groups of people who are in no set of pairs.

    Raises:
        ValueError: naming some of both.
    """
    grouped = {person for group_of in groups.values() for person in group_of}
    shown = {name for source in sets.values() for name in people_of(source).names} - {UNKNOWN}
    if grouped & shown:
        return
    found = f"show {', '.join(sorted(shown)[:3])}, ..." if shown else "do not say who is on them"
    raise ValueError(
        f"--groups names none of the test people: it names {', '.join(sorted(grouped)[:3])}, ..., and the pairs {found}"
    )


def measure_groups(
    scored: ScoredSet, source: PairSource, groups: Groups, threshold: float
) -> tuple[list[Attribute], str]:
    """Error rates of each group, and why there are none; one of the two is empty.

    Args:
        scored: the pairs.
        source: of their images.
        groups: group of each person for each attribute.
        threshold: lowest score accepted.
    """
    if reason := why_not_by_person(scored.people, scored.same):
        return [], reason
    assert scored.people is not None  # or there were a reason
    assert scored.subjects is not None
    images = people_of(source).names
    names = {number: images[scored.place(row)] for row, number in enumerate(scored.subjects.tolist())}
    if not set(names.values()) & {person for group_of in groups.values() for person in group_of}:
        return [], "none of its people is in a group"
    return rates_of_groups(scored.scores, scored.same, scored.people, names, groups, threshold), ""


def add_groups(
    summaries: dict[str, Summary],
    scored: Mapping[str, ScoredSet],
    sources: Mapping[str, PairSource],
    groups: Groups,
    threshold: float | None,
) -> list[str]:
    """Put the error rates of groups into the summaries; returns their tables.

    Args:
        summaries: of each set; changed.
        scored: pairs of each set.
        sources: of their images. A set may come with groups of its own.
        groups: for each attribute the group of each person; may be empty.
        threshold: lowest score accepted; None where the scores have no threshold.
    """
    groups_of = {name: dict(sources[name].groups) | dict(groups) for name in summaries}
    if not any(groups_of.values()):
        return []
    if threshold is None:
        return ["no rates of groups: they are those of the model's threshold, and it has none of these scores"]
    lines = []
    for name, found_groups in groups_of.items():
        if not found_groups:
            continue
        found, reason = measure_groups(scored[name], sources[name], found_groups, threshold)
        lines += [f"{name}: no rates of groups: {reason}"] if reason else [f"groups of {name}, at that threshold:"]
        lines += map(groups_table, found)
        summaries[name] = replace(summaries[name], groups=found or None)
    return lines
