"""The figure of likelihood ratios, from kept scores, against the definitions."""

from dataclasses import replace

import numpy as np
import pytest

from facerec.metrics import cllr, count_sources, fit_likelihood, log_likelihood_ratios, reliability
from facerec.plots import calibration_figure
from facerec.reports import Measurement, ScoredSet, summarise, write_metrics
from facerec.reports.kept_scores import measured_runs
from facerec.reports.results import write_scores
from tests.plots.images import texts
from tests.reports.sets import embedded_people


class Names:
    def name(self, index: int) -> str:
        return f"faces/{index}.png"


@pytest.fixture
def tested(tmp_path):
    """A tested run, its pairs, and its line, which is of other people."""
    validated = ScoredSet.from_arrays(**embedded_people(1, people=30))
    line = fit_likelihood(validated.scores, validated.same, count_sources(validated.same, validated.people))
    scored = ScoredSet.from_arrays(**embedded_people(0))
    calibration = {"threshold": 0.25, "far": 0.1, "frr": 0.1, "likelihood": line}
    summary = summarise(scored, resamples=20, likelihood=line)
    folder = tmp_path / "orl" / "version_0" / "test"
    write_metrics(folder / "metrics.json", Measurement(score="cosine", sets={"orl": summary}, calibration=calibration))
    write_scores(folder / "orl_scores.csv", scored, Names())
    return measured_runs(folder)[0], scored, line


def test_the_numbers_of_the_ratios_are_kept_and_printed(tested):
    run, scored, line = tested
    cost = run.measurement.sets["orl"].likelihood_cost
    assert cost.cllr == pytest.approx(cllr(log_likelihood_ratios(scored.scores, line), scored.same))
    assert cost.interval_by_person.low < cost.cllr < cost.interval_by_person.high
    assert 0.0 < cost.min_cllr < cost.cllr
    assert f"Cllr, bits {cost.cllr:.3f} (" in " ".join(str(run.measurement.sets["orl"]).split())
    assert run.likelihood == line


def test_a_run_has_its_reliability_and_its_tippett_plot(tested):
    run, scored, line = tested
    figure = calibration_figure([run], "ratios")
    left, right = figure.axes
    ratios = log_likelihood_ratios(scored.scores, line)
    found = reliability(ratios, scored.same, scored.people)
    [bars] = left.containers
    points = bars.lines[0].get_xydata()
    np.testing.assert_allclose(points, np.exp([(one.claimed, one.observed) for one in found]))
    assert [text.get_text() for text in left.texts] == [f"{one.genuine:,} / {one.impostor:,}" for one in found]
    assert f"Cllr {cllr(ratios, scored.same):.3f}" in left.get_title()
    assert "95 % by person" in left.get_title()
    misled = np.mean(ratios[~scored.same] > 0.0)
    assert f"impostor: {misled:.2%} above 1" in texts(right.get_legend())
    genuine = right.get_lines()[0].get_xydata()
    at_median = np.quantile(ratios[scored.same], 0.5)
    share = genuine[np.searchsorted(np.log(genuine[:, 0]), at_median), 1]
    assert share == pytest.approx(0.5, abs=0.02)
    assert "72 genuine, 1,056 impostor" in right.get_title()
    figure.canvas.draw()


def test_a_run_of_a_checkpoint_without_ratios_is_named(tested):
    run, _, _ = tested
    older = {name: value for name, value in run.measurement.calibration.items() if name != "likelihood"}
    for calibration in (None, older, {**run.measurement.calibration, "score": "euclidean"}):
        other = replace(run, measurement=replace(run.measurement, calibration=calibration))
        with pytest.raises(ValueError, match="has no likelihood ratios: .* --verification.store true"):
            calibration_figure([other], "x")
