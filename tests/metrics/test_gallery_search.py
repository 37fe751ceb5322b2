"""Searches of given galleries, against the protocols written as loops over sorted scores."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from facerec.metrics import bootstrap_mean, search, search_galleries


@pytest.fixture
def entries():
    """Entries of 12 people and 20 distractors; people 0 to 5 in gallery 0, 6 to 11 in gallery 1, three take no part."""
    random = np.random.default_rng(0)
    people = np.concatenate([random.integers(0, 12, 80), np.arange(100, 120)])
    roles = np.where(random.random(100) < 0.5, -1, people // 6)
    roles[people >= 100] = 0
    roles[:3] = -2
    embeddings = random.normal(size=(12, 6))[people % 12] + 0.9 * random.normal(size=(100, 6))
    return embeddings, people, roles


def official_average_precision(hits):
    """TinyFace's evaluation: the precision is a straight line between two places of the list."""
    old_recall, old_precision, total, found = 0.0, 1.0, 0.0, 0
    for place, hit in enumerate(hits, start=1):
        found += hit
        recall, precision = found / sum(hits), found / place
        total += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
    return total


def test_ranks_strangers_and_precision_are_those_of_sorted_lists(entries):
    embeddings, people, roles = entries
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    ranks, own, precisions, mated, strangers = [], [], [], [], []
    for gallery in (0, 1):
        held = np.flatnonzero(roles == gallery)
        for probe in np.flatnonzero(roles == -1):
            order = held[np.argsort(-(unit[held] @ unit[probe]), kind="stable")]
            hits = people[order] == people[probe]
            if not hits.any():
                strangers.append((people[probe], unit[order[0]] @ unit[probe]))
                continue
            ranks.append(int(np.argmax(hits)) + 1)
            own.append(unit[order[np.argmax(hits)]] @ unit[probe])
            precisions.append(official_average_precision(hits))
            mated.append(people[probe])
    found = search_galleries(embeddings, people, roles)
    assert found.trials.ranks.tolist() == ranks
    assert max(ranks) > 1
    assert found.trials.people.tolist() == mated
    assert found.trials.stranger_people.tolist() == [person for person, _ in strangers]
    np.testing.assert_allclose(found.trials.own_scores, own, atol=1e-6)
    np.testing.assert_allclose(found.trials.stranger_scores, [score for _, score in strangers], atol=1e-6)
    np.testing.assert_allclose(found.average_precision, precisions, rtol=1e-9)


def test_the_precision_of_few_entries_is_near_that_of_scikit_learn():
    """The straight line gives a little less than the step does."""
    random = np.random.default_rng(1)
    hits, scores = random.random(300) < 0.1, random.normal(size=300)
    ours = official_average_precision(hits[np.argsort(-scores)])
    assert ours == pytest.approx(average_precision_score(hits, scores), abs=0.05)


def test_one_entry_a_person_is_a_search_of_templates():
    random = np.random.default_rng(2)
    gallery, probes = random.normal(size=(8, 5)), random.normal(size=(30, 5))
    labels = random.integers(0, 11, 30)  # 8 to 10 are strangers
    unit, others = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (gallery, probes))
    expected = search((others @ unit.T).astype(np.float32), labels, np.arange(8))
    roles = np.append(np.zeros(8, int), np.full(30, -1))
    found = search_galleries(np.concatenate([gallery, probes]), np.append(np.arange(8), labels), roles).trials
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_blocks_change_nothing(entries, monkeypatch):
    whole = search_galleries(*entries)
    monkeypatch.setattr("facerec.metrics.gallery_search.PROBES_AT_ONCE", 7)
    parts = search_galleries(*entries)
    np.testing.assert_allclose(whole.average_precision, parts.average_precision)
    assert whole.trials.ranks.tolist() == parts.trials.ranks.tolist()


def test_equal_scores_put_the_right_person_last():
    found = search_galleries([[1.0, 0.0]] * 3, [7, 7, 8], [-1, 0, 0])
    assert found.trials.ranks.tolist() == [2]
    with pytest.raises(ValueError, match="0 probes and 1 galleries"):
        search_galleries([[1.0, 0.0]] * 2, [7, 8], [0, 0])


def test_the_interval_of_a_mean_holds_people_together():
    random = np.random.default_rng(3)
    people = np.repeat(np.arange(40), 10)
    values = np.repeat(random.random(40), 10)  # ten probes of a person say the same
    low, high = bootstrap_mean(values, people)
    error = values[::10].std(ddof=1) / np.sqrt(40)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.15)
