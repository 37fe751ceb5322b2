"""Likelihood ratios against scikit-learn, and their bounds against the definition of Vergeer et al. on a grid."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from facerec.metrics import Sources, count_sources, fit_likelihood, log_likelihood_ratios


def gaussian(genuine=300, impostor=2000, apart=0.4, seed=0):
    generator = np.random.default_rng(seed)
    same = np.arange(genuine + impostor) < genuine
    return generator.normal(apart * same, 0.15), same


def unbounded(line):
    return {**line, "lowest": -np.inf, "highest": np.inf}


@pytest.mark.parametrize(("genuine", "impostor", "apart"), [(300, 2000, 0.4), (50, 60, 0.1), (2000, 20, 0.6)])
def test_the_line_is_that_of_balanced_logistic_regression(genuine, impostor, apart):
    scores, same = gaussian(genuine, impostor, apart)
    expected = LogisticRegression(C=np.inf, class_weight="balanced", tol=1e-12, max_iter=1000)
    expected.fit(scores[:, None], same)
    line = fit_likelihood(scores, same)
    assert line["slope"] == pytest.approx(expected.coef_[0, 0], rel=1e-3)
    found = log_likelihood_ratios(scores, unbounded(line))
    np.testing.assert_allclose(found, expected.decision_function(scores[:, None]), atol=2e-3)


def test_the_ratio_of_gaussian_scores_is_found_whatever_the_share_of_genuine_pairs():
    for genuine, impostor in ((20_000, 20_000), (20_000, 400_000)):
        scores, same = gaussian(genuine, impostor)
        line = fit_likelihood(scores, same)  # L = (apart / variance) (score - apart / 2)
        assert line["slope"] == pytest.approx(0.4 / 0.15**2, rel=0.02)
        assert -line["intercept"] / line["slope"] == pytest.approx(0.2, abs=0.003)


def test_a_monotone_change_of_unit_changes_no_ratio():
    scores, same = gaussian()
    first = log_likelihood_ratios(scores, fit_likelihood(scores, same))
    second = log_likelihood_ratios(1000.0 * scores - 7.0, fit_likelihood(1000.0 * scores - 7.0, same))
    np.testing.assert_allclose(first, second, atol=1e-5)


def cost(log_threshold, ratios, same):
    """FRR + t FAR, where one more genuine and one more impostor pair have misled."""
    accepted = ratios >= log_threshold
    frr = np.append(~accepted[same], True).mean()
    far = np.append(accepted[~same], True).mean()
    return frr + np.exp(log_threshold) * far


def bounds_on_a_grid(ratios, same, step=0.002):
    ups = np.arange(step, 20.0, step)
    fails = [cost(up, ratios, same) > 1.0 for up in ups]
    return ups[int(np.argmax(fails))]


@pytest.mark.parametrize(("genuine", "impostor", "apart"), [(300, 2000, 0.4), (50, 60, 0.1), (40, 700, 2.0)])
def test_the_bounds_are_where_acting_on_the_ratio_stops_to_pay(genuine, impostor, apart):
    scores, same = gaussian(genuine, impostor, apart)
    line = fit_likelihood(scores, same)
    ratios = log_likelihood_ratios(scores, unbounded(line))
    assert line["highest"] == pytest.approx(bounds_on_a_grid(ratios, same), abs=0.003)
    assert line["lowest"] == pytest.approx(-bounds_on_a_grid(-ratios, ~same), abs=0.003)


def test_perfect_pairs_claim_no_more_than_their_number():
    same = np.arange(120) < 20
    line = fit_likelihood(same + 0.01 * np.random.default_rng(0).normal(size=120), same)
    assert np.isfinite(list(line.values())).all()
    assert np.exp(line["highest"]) == pytest.approx(101 * 20 / 21)
    assert np.exp(-line["lowest"]) == pytest.approx(21 * 100 / 101)


def test_pairs_of_few_people_claim_no_more_than_their_people():
    people = np.repeat(np.arange(4), 10)
    pairs = np.stack(np.triu_indices(40, 1), axis=1)
    both = people[pairs]
    same = both[:, 0] == both[:, 1]
    sources = count_sources(same, both)
    assert sources == Sources(4, 6)
    line = fit_likelihood(same.astype(float), same, sources)
    assert np.exp(line["highest"]) == pytest.approx(7 * 4 / 5)
    assert np.exp(-line["lowest"]) == pytest.approx(5 * 6 / 7)


@pytest.mark.parametrize("scores", [[0.1, 0.2, 0.8, 0.9], [0.5, 0.5, 0.5, 0.5]])
def test_scores_that_do_not_rise_with_likeness_are_no_evidence(scores):
    line = fit_likelihood(scores, [1, 1, 0, 0])
    assert np.exp(log_likelihood_ratios([-1.0, 0.3, 1.0], line)).tolist() == [1.0, 1.0, 1.0]


def test_outliers_and_unequal_kinds_converge():
    generator = np.random.default_rng(1)
    for genuine, impostor in ((1, 5000), (3000, 2)):
        same = np.arange(genuine + impostor) < genuine
        scores = generator.normal(same, 0.3)
        scores[-1] = 50.0
        line = fit_likelihood(scores, same)
        assert np.isfinite(list(line.values())).all()


def test_a_score_that_is_unknown_has_an_unknown_ratio():
    line = fit_likelihood(*gaussian())
    assert np.isnan(log_likelihood_ratios(np.array([np.nan], dtype=np.float32), line)).all()
