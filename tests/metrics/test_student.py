"""Student's t against SciPy, and the interval of a mean against what it promises."""

import numpy as np
import pytest

from facerec.metrics.student import mean_interval, student_quantile

stats = pytest.importorskip("scipy.stats")  # with scikit-learn, of the dev extra


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_the_quantile_is_that_of_scipy(level):
    for freedom in (*range(1, 12), 29, 100):
        assert student_quantile(freedom, level) == pytest.approx(stats.t.ppf(0.5 + level / 2, freedom), rel=1e-9)


def test_the_interval_is_that_of_scipy():
    values = [0.031, 0.08, 0.055, 0.062]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert mean_interval(values) == pytest.approx((low, high))


def test_one_value_has_no_interval():
    assert mean_interval([0.1]) is None
