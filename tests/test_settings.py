"""Settings outside their range are refused by name; those at its ends are not."""

import math

import pytest

from facerec.settings import flatten, require_choice, require_interval, require_positive, require_within


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_what_is_not_positive_and_finite_is_refused(value):
    with pytest.raises(ValueError, match=r"ArcFace scale=.*positive"):
        require_positive("ArcFace", margin=1.0, scale=value)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_what_lies_outside_a_range_is_refused(value):
    with pytest.raises(ValueError, match=r"noise=.*in \[0, 1\]"):
        require_within("augment.", 0.0, 1.0, noise=value)


def test_ends_of_a_range():
    require_within("augment.", 0.0, 1.0, noise=0.0, blur=1.0)
    require_within("data.", 1, math.inf, batch_size=1)
    with pytest.raises(ValueError, match=r"dropout=1.0: must be in \[0, 1\)"):
        require_within("ResNet", 0.0, 1.0, high_excluded=True, dropout=1.0)
    with pytest.raises(ValueError, match=r"min_score=0.0: must be in \(0, 1\]"):
        require_within("Aligner", 0.0, 1.0, low_excluded=True, min_score=0.0)
    with pytest.raises(ValueError, match="width=0: must be above 0"):
        require_within("Aligner", 0, math.inf, low_excluded=True, width=0)
    with pytest.raises(ValueError, match="batch_size=inf: must be at least 1"):
        require_within("data.", 1, math.inf, batch_size=math.inf)


@pytest.mark.parametrize("interval", [(1.2, 0.9), (0.0, 1.0), (1.0, math.inf), (math.nan, 1.0), (1.0,)])
def test_what_is_no_interval_is_refused(interval):
    with pytest.raises(ValueError, match=r"augment\.scale=.*smallest"):
        require_interval("augment.", "factor of the size", scale=interval)


def test_choices():
    require_choice("ResNet", {18: "a", 34: "b"}, depth=18)
    with pytest.raises(ValueError, match="ResNet depth=20: choose one of 18, 34"):
        require_choice("ResNet", {18: "a", 34: "b"}, depth=20)


def test_an_object_is_named_by_its_class():
    class Example:
        pass

    with pytest.raises(ValueError, match="Example size=0"):
        require_positive(Example(), size=0)


def test_settings_by_their_full_names():
    class Namespace:
        def as_dict(self):
            return {"lr": 0.1, "betas": [0.9, 0.999], "groups": {}, "mix": None}

    assert flatten({"model": {"optimizer": Namespace()}, "seed": 0}) == {
        "model.optimizer.lr": 0.1,
        "model.optimizer.betas": [0.9, 0.999],
        "model.optimizer.mix": None,
        "seed": 0,
    }
    assert flatten({}) == flatten({"a": {"b": {}}}) == {}
    assert flatten({"loss": {"scale": 64.0}}, "model") == {"model.loss.scale": 64.0}
