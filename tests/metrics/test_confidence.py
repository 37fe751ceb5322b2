import numpy as np
import pytest
import torch

from facerec.metrics import (
    Trials,
    bootstrap,
    bootstrap_identification,
    cumulative_match,
    equal_error_rate,
    kfold_accuracy,
    leave_one_out,
    tar_at_far,
    tpir_at_fpir,
)
from facerec.metrics import confidence as confidence_module
from facerec.metrics import identification_confidence as identification_module
from facerec.metrics.resampling import draw_people

EER = 0.158655  # of two normal distributions 2 standard deviations apart


def all_pairs(people, images, generator, person_effect):
    """Scores of all pairs of images: each person shifts their genuine scores, and their impostor scores, by chance.

    The distributions stay normal with variance 1, and the EER the same.
    """
    who = np.repeat(np.arange(people), images)
    first, second = np.triu_indices(len(who), 1)
    same = who[first] == who[second]
    effect, other = generator.normal(size=(2, people))
    share = person_effect**2
    mixed = np.where(same, effect[who[first]], (other[who[first]] + other[who[second]]) / np.sqrt(2))
    noise = generator.normal(size=len(same))
    scores = 2.0 * same + np.sqrt(share) * mixed + np.sqrt(1 - share) * noise
    return scores, same, np.stack([who[first], who[second]], axis=1)


def coverage(trials, draw):
    """How often the intervals by pair and by person hold the true rate."""
    held = np.zeros(2, dtype=int)
    for trial in range(trials):
        scores, same, people = draw(np.random.default_rng(trial))
        for kind, who in enumerate((None, people)):
            low, high = bootstrap(scores, same, who, resamples=150, seed=trial).equal_error_rate
            held[kind] += low <= EER <= high
    return held / trials


def test_by_person_covers_where_people_are_in_many_pairs_and_by_pair_does_not():
    by_pair, by_person = coverage(40, lambda generator: all_pairs(25, 4, generator, person_effect=0.7))
    assert by_person >= 0.85
    assert by_pair <= by_person - 0.15


def test_both_cover_where_each_person_is_in_one_pair():
    def draw(generator):
        same = np.arange(400) < 200
        people = np.arange(800).reshape(400, 2)
        people[same, 1] = people[same, 0]
        return generator.normal(2.0 * same, 1.0), same, people

    by_pair, by_person = coverage(40, draw)
    assert by_pair >= 0.85
    assert by_person >= 0.9


def value(interval):
    """What the one resample gave: a rate of 0 or 1 has an interval that begins or ends there."""
    return interval.high if interval.high == 1.0 else interval.low


def test_a_resample_is_what_the_repeated_pairs_give(monkeypatch):
    """The weighted numbers of one resample against the plain functions on its pairs written out."""
    generator = np.random.default_rng(3)
    scores, same, people = all_pairs(8, 4, generator, person_effect=0.5)
    scores = np.round(scores, 1)
    folds = generator.integers(0, 4, len(same))
    drawn = []
    original = confidence_module.draw_people

    def recording(people_P2, source):
        for weights in original(people_P2, source):
            drawn.append(weights)
            yield weights

    monkeypatch.setattr(confidence_module, "draw_people", recording)
    for seed in range(20):
        found = bootstrap(scores, same, people, folds, fars=[0.1, 0.5], resamples=1, seed=seed)
        repeated = np.repeat(np.argsort(scores), drawn[-1])
        assert value(found.equal_error_rate) == pytest.approx(equal_error_rate(scores[repeated], same[repeated])[0])
        assert value(found.accuracy) == pytest.approx(
            kfold_accuracy(scores[repeated], same[repeated], folds[repeated]).mean
        )
        expected = tar_at_far(scores[repeated], same[repeated], [0.1, 0.5])
        assert [value(interval) for interval in found.tar] == [pytest.approx(point.tar) for point in expected]


def test_a_person_drawn_twice_counts_twice_in_genuine_and_by_product_in_impostor_pairs():
    people = np.array([[0, 0], [0, 1], [1, 2], [2, 2]])
    for _ in range(20):
        draws = draw_people(people, np.random.default_rng(_))
        times = np.bincount(np.random.default_rng(_).integers(3, size=3), minlength=3)
        assert next(draws).tolist() == [times[0], times[0] * times[1], times[1] * times[2], times[2]]


@pytest.mark.parametrize(
    ("people", "message"),
    [
        ([[0, 0], [1, 2]], "3 people: too few"),
        ([[0, 0]], r"\(P, 2\)"),
        ([[0, 1], [2, 3]], "too few"),
    ],
)
def test_bad_people(people, message):
    with pytest.raises(ValueError, match=message):
        bootstrap([0.9, 0.1], [1, 0], people, resamples=2)


def test_labels_at_odds_with_the_people():
    with pytest.raises(ValueError, match="1 of 4 pairs contradict their people"):
        bootstrap([0.9, 0.1, 0.2, 0.3], [1, 0, 0, 1], [[0, 0], [1, 2], [3, 4], [3, 4]], resamples=2)


def gallery(people, images, generator):
    """Leave-one-out searches among people whose images differ from each other by more or less."""
    centres = generator.normal(size=(people, 8))
    noise = np.exp(0.5 * generator.normal(size=people))
    labels = np.repeat(np.arange(people), images)
    embeddings = centres[labels] + noise[labels, None] * generator.normal(size=(len(labels), 8))
    return leave_one_out(torch.from_numpy(embeddings), labels)


def test_a_resample_of_people_is_what_their_searches_repeated_give(monkeypatch):
    trials = gallery(12, 5, np.random.default_rng(0))
    trials = trials._replace(stranger_scores=np.round(trials.stranger_scores, 1), people=trials.people * 7 - 3)
    trials = trials._replace(stranger_people=trials.stranger_people * 7 - 3)
    drawn = []
    original = identification_module.times_drawn
    monkeypatch.setattr(
        identification_module, "times_drawn", lambda *arguments: drawn.append(original(*arguments)) or drawn[-1]
    )
    for seed in range(20):
        found = bootstrap_identification(trials, 4, [0.5, 0.001, 0.2], resamples=1, seed=seed)
        times = dict(zip(np.unique(trials.people), drawn[-1], strict=True))
        probes = np.repeat(np.arange(60), [times[person] for person in trials.people])
        strangers = np.repeat(np.arange(60), [times[person] for person in trials.stranger_people])
        repeated = Trials(
            trials.ranks[probes],
            trials.own_scores[probes],
            trials.stranger_scores[strangers],
            trials.people[probes],
            trials.stranger_people[strangers],
        )
        assert [value(interval) for interval in found.cmc] == pytest.approx(cumulative_match(repeated.ranks, 4))
        half, unsupported, fifth = found.tpir
        assert unsupported is None
        assert [value(half), value(fifth)] == [
            pytest.approx(point.tpir) for point in tpir_at_fpir(repeated, [0.5, 0.2])
        ]


def test_intervals_of_identification_hold_the_mean_over_galleries():
    galleries = [gallery(40, 5, np.random.default_rng(seed)) for seed in range(120)]
    means = np.mean([[(t.ranks == 1).mean(), tpir_at_fpir(t, [0.1])[0].tpir] for t in galleries], axis=0)
    held = np.zeros(2)
    for trials in galleries[:60]:
        found = bootstrap_identification(trials, 1, [0.1], resamples=150)
        held += [low <= mean <= high for (low, high), mean in zip((found.cmc[0], found.tpir[0]), means, strict=True)]
    assert (held / 60 >= 0.83).all()


def test_identification_needs_people_and_probes_but_no_strangers():
    trials = gallery(4, 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="4 people: too few"):
        bootstrap_identification(trials, 1)
    trials = gallery(8, 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="0 probes of enrolled people"):
        bootstrap_identification(trials._replace(people=trials.people[:0]), 1)
    alone = trials._replace(stranger_people=trials.stranger_people[:0], stranger_scores=trials.stranger_scores[:0])
    found = bootstrap_identification(alone, 1, [0.1], resamples=20)
    assert found.cmc == bootstrap_identification(trials, 1, [0.1], resamples=20).cmc
    assert found.tpir == [None]


def test_without_an_error_the_interval_is_the_exact_bound_by_hand():
    """0 errors of n at 95 %: up to 1 - 0.025^(1/n), as 0.3085 of 10 in the tables of Clopper and Pearson."""
    scores, same = np.arange(40.0), np.arange(40) >= 30  # 30 impostor pairs, 10 genuine
    people = np.arange(80).reshape(40, 2) % 20
    people[same, 1] = people[same, 0]
    folds = np.arange(40) % 2
    by_pair = bootstrap(scores, same, None, folds, [0.5], resamples=50)
    assert by_pair.equal_error_rate == pytest.approx((0.0, 0.3085), abs=1e-4)
    assert by_pair.tar[0] == pytest.approx((0.6915, 1.0), abs=1e-4)
    assert by_pair.accuracy.high == 1.0
    by_person = bootstrap(scores, same, people, None, [0.5], resamples=50, level=0.9)
    bound = 1.0 - 0.05 ** (1 / 20)
    assert by_person.equal_error_rate == pytest.approx((0.0, bound))
    assert by_person.tar[0] == pytest.approx((1.0 - bound, 1.0))
    reverse = bootstrap(-scores, same, None, None, [0.1], resamples=50)
    assert reverse.tar[0] == pytest.approx((0.0, 0.3085), abs=1e-4)
    named = np.ones(12, dtype=np.int64)
    trials = Trials(named, np.full(12, 0.9, "f"), np.full(20, 0.1, "f"), np.arange(12) // 2, np.arange(20) % 7)
    found = bootstrap_identification(trials, 2, [0.5], resamples=50)  # 7 people, 6 of them with probes
    assert found.cmc[0] == found.cmc[1] == found.tpir[0] == pytest.approx((0.025 ** (1 / 6), 1.0))


def test_intervals_of_a_rare_error_hold_it():
    """At an EER of 0.3 % many draws of 300 and 300 pairs part perfectly; a point at 0 held the rate 7 times of 10."""
    same = np.arange(600) < 300
    held = 0
    for trial in range(100):
        scores = np.random.default_rng(trial).normal(2 * 2.747781 * same, 1.0)
        low, high = bootstrap(scores, same, resamples=100, seed=trial).equal_error_rate
        held += low <= 0.003 <= high
    assert held >= 88
