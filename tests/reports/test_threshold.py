"""FMR and FNMR at a given threshold, against a count pair by pair; what images without a face make of them."""

from dataclasses import replace

import numpy as np
import pytest

from facerec.align import Acquisition
from facerec.metrics import bootstrap, error_rate
from facerec.reports import Measurement, ScoredSet, read_metrics, summarise, write_metrics
from facerec.reports.threshold import threshold_lines
from tests.reports.sets import embedded_people


@pytest.fixture
def scored():
    return ScoredSet.from_arrays(**embedded_people())


def test_rates_are_those_of_a_count_and_intervals_know_the_people(scored):
    found = summarise(scored, resamples=50, threshold=0.3).at_threshold
    assert (found.threshold, found.by) == (0.3, "person")
    wrong = [(score >= 0.3) != is_one for score, is_one in zip(scored.scores.tolist(), scored.same, strict=True)]
    for rate, kind in ((found.fmr, ~scored.same), (found.fnmr, scored.same)):
        assert (rate.errors, rate.pairs, rate.people) == (np.array(wrong)[kind].sum(), kind.sum(), 12)
        severity = np.where(scored.same, -scored.scores, scored.scores)[kind]
        expected = error_rate(np.array(wrong)[kind], scored.people[kind], severity=severity.astype(float))
        assert rate == expected
        assert expected.interval.low < rate.rate < expected.interval.high


def test_the_bootstrap_at_a_threshold_is_that_of_weighted_counts(scored):
    people, wrong = scored.people, (scored.scores >= 0.3) != scored.same
    found = bootstrap(scored.scores, scored.same, people, resamples=60, seed=3, threshold=0.3).at_threshold
    generator, rates = np.random.default_rng(3), []
    for _ in range(60):
        times = np.bincount(generator.integers(12, size=12), minlength=12)
        weights = [times[a] if a == b else times[a] * times[b] for a, b in people]
        rates.append([np.average(wrong[kind], weights=np.array(weights)[kind]) for kind in (~scored.same, scored.same)])
    assert np.array(found) == pytest.approx(np.quantile(rates, [0.025, 0.975], axis=0).T)


def test_without_people_pairs_are_independent():
    scored = ScoredSet.from_arrays([1] * 50 + [0] * 100, scores=np.arange(150)[::-1] / 150)
    found = summarise(scored, resamples=20, threshold=0.5).at_threshold
    assert found.by == "pair"
    assert (found.fmr.errors, found.fnmr.errors) == (int((np.arange(100) >= 75).sum()), 0)
    assert found.fmr.interval == pytest.approx(error_rate(np.arange(100) < 25, np.arange(200).reshape(100, 2)).interval)
    assert summarise(scored, resamples=20).at_threshold is None


def test_a_threshold_between_float32_and_float64_decides_as_given():
    scored = ScoredSet.from_arrays([1, 0], scores=np.array([0.1, 0.1], dtype=np.float32))
    found = summarise(scored, resamples=5, threshold=float(np.float32(0.1)) + 1e-12).at_threshold
    assert (found.fmr.rate, found.fnmr.rate) == (0.0, 1.0)
    assert (found.fmr_bootstrap.low, found.fnmr_bootstrap.high) == (0.0, 1.0)


def test_images_without_a_face_reject_everybody(scored):
    found = summarise(scored, resamples=20, threshold=0.3).at_threshold
    assert (found.far, found.frr) == (found.fmr.rate, found.fnmr.rate)
    found = replace(found, acquisition=Acquisition(images=200, without_face=30))
    # Of 1,000 attempts of an impostor 850 show a face; of a genuine user 150 are rejected before any comparison.
    assert found.far == pytest.approx((850 * found.fmr.rate) / 1000)
    assert found.frr == pytest.approx((150 + 850 * found.fnmr.rate) / 1000)
    assert f"(FTA 15.00%): FAR {found.far:.2%}, FRR {found.frr:.2%}" in threshold_lines({"orl": found})[-1]
    whole = replace(found, acquisition=Acquisition(images=200, without_face=0))
    assert len(threshold_lines({"orl": whole})) == 2


def test_a_file_keeps_the_rates(scored, tmp_path):
    summary = summarise(scored, resamples=5, threshold=0.3)
    summary = replace(summary, at_threshold=replace(summary.at_threshold, acquisition=Acquisition(9, 1)))
    write_metrics(tmp_path / "metrics.json", Measurement(score="cosine", sets={"orl": summary}))
    assert read_metrics(tmp_path / "metrics.json").sets["orl"].at_threshold == summary.at_threshold
