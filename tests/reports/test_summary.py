"""Every number that a set of pairs supports, and why one is missing."""

import json
from dataclasses import replace

import numpy as np
import pytest

from facerec.metrics import bootstrap, kfold_accuracy
from facerec.reports import ScoredSet, summarise
from tests.reports.sets import embedded_people


@pytest.fixture(scope="module")
def scored():
    return ScoredSet.from_arrays(**embedded_people())


def test_the_numbers_are_those_of_the_metrics(scored):
    summary = summarise(scored, fars=(0.1, 0.001), resamples=30)
    assert (summary.eer, summary.threshold) == scored.curve.equal_error_rate()
    assert summary.eer_nearest == scored.curve.equal_error_rate("nearest")[0]
    assert summary.auc == scored.curve.area_under_roc()
    assert (summary.genuine, summary.impostor, summary.score) == (72, 1056, "cosine")
    assert summary.accuracy.mean == kfold_accuracy(scored.scores, scored.same, scored.folds).mean
    for people, found, of_tar in (
        (None, summary.interval_by_pair, summary.tar_at_far[0].interval_by_pair),
        (scored.people, summary.interval_by_person, summary.tar_at_far[0].interval_by_person),
    ):
        expected = bootstrap(scored.scores, scored.same, people, scored.folds, (0.1,), 30)
        assert (found.equal_error_rate, found.accuracy) == (expected.equal_error_rate, expected.accuracy)
        assert (of_tar, found.resamples) == (expected.tar[0], 30)
    point, rare = summary.tar_at_far
    assert (point.far, point.tar, point.threshold, point.supported) == scored.curve.tar_at_far((0.1,))[0]
    assert (rare.supported, rare.interval_by_pair, rare.interval_by_person) == (False, None, None)


def test_the_band_goes_by_person_where_people_are_known(scored):
    band = summarise(scored, resamples=30).band
    assert (band.by, len(band.fars), len(band.tars)) == ("person", 40, 40)
    assert band.fars[0] == pytest.approx(10 / 1056)
    expected = bootstrap(scored.scores, scored.same, scored.people, fars=band.fars[::13], resamples=30)
    assert band.tars[::13] == expected.tar
    assert summarise(replace(scored, subjects=None), resamples=30).band.by == "pair"


def test_few_impostors_have_no_band():
    scored = ScoredSet.from_arrays([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1])
    assert (summarise(scored).band.fars, summarise(scored).band.tars) == ([], [])


def test_why_there_are_no_intervals_by_person(scored):
    def why(**changes):
        summary = summarise(replace(scored, **changes), resamples=10)
        assert (summary.interval_by_person is None) == (summary.no_people is not None)
        return summary.no_people

    assert why() is None
    assert why(subjects=None) == "people unknown"
    assert why(pairs=None) == "people unknown"
    assert why(subjects=scored.subjects % 4) == "only 4 people"
    assert why(subjects=scored.subjects[::-1] // 2) == "folders and labels of the pairs disagree"


def test_what_is_kept_is_plain_and_without_the_band(scored):
    numbers = summarise(scored, fars=(0.1, 0.001), resamples=10).to_json()
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
    assert "band" not in numbers
    assert numbers["tar_at_far"][1]["tar"] is None
    assert numbers["identification"]["score"] == "cosine"
    assert len(numbers["interval_by_person"]["equal_error_rate"]) == 2


def test_printed_it_is_the_table(scored):
    text = str(summarise(replace(scored, folds=None), resamples=10))
    assert text.splitlines()[0].split() == ["set", "pairs"]
    assert "95% by person" in text
    assert "accuracy" not in text


def test_fewer_resamples_are_drawn_of_many_pairs(monkeypatch):
    same = np.arange(100) < 50
    scored = ScoredSet.from_arrays(same, scores=same + np.linspace(0, 1, 100))
    monkeypatch.setattr("facerec.reports.identification.RESAMPLED", 20_000)
    assert summarise(scored).interval_by_pair.resamples == 200
