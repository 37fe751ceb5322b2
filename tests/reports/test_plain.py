"""Typed records become plain JSON values, and come back with their types or an error that names the place."""

import json
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from facerec.metrics import Interval
from facerec.reports.plain import from_plain, to_plain


class Point(NamedTuple):
    far: float
    supported: bool


@dataclass(frozen=True)
class Record:
    name: str
    count: int
    points: list[Point]
    interval: Interval | None
    rates: NDArray[np.float64]
    extra: dict[str, float]
    note: str | None = None


def record() -> Record:
    interval = Interval(0.1, 0.2)
    return Record("lfw", 3, [Point(0.1, True), Point(math.nan, False)], interval, np.array([0.5, 1.0]), {"auc": 1.0})


def test_there_and_back():
    plain = json.loads(json.dumps(to_plain(record()), allow_nan=False))
    assert plain["points"] == [{"far": 0.1, "supported": True}, {"far": None, "supported": False}]
    assert plain["interval"] == [0.1, 0.2]
    again = from_plain(Record, plain)
    assert again.interval == Interval(0.1, 0.2)
    assert isinstance(again.points[0], Point)
    assert math.isnan(again.points[1].far)
    assert again.rates.tolist() == [0.5, 1.0]
    assert to_plain(again) == to_plain(record())


def test_a_key_with_a_default_may_be_missing_and_an_unknown_one_is_passed_over():
    plain = to_plain(record()) | {"of tomorrow": 1}
    del plain["note"]
    assert from_plain(Record, plain).note is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 3}, "set.name is 3, not text"),
        ({"count": 3.5}, "set.count is 3.5, not a whole number"),
        ({"count": True}, "set.count is True, not a whole number"),
        ({"points": {}}, "set.points is {}, not a list"),
        ({"points": [{"far": "x", "supported": True}]}, r"set.points\[0\].far is 'x', not a number"),
        ({"points": [{"far": 0.1}]}, r"set.points\[0\].supported is missing"),
        ({"interval": [0.1]}, r"set.interval is \[0.1\], not 2 numbers"),
        ({"rates": 1.0}, "set.rates is 1.0, not a list of numbers"),
        ({"extra": []}, r"set.extra is \[\], not an object"),
        ({"extra": {"auc": "1"}}, "set.extra.auc is '1', not a number"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(change, message):
    with pytest.raises(ValueError, match=message):
        from_plain(Record, to_plain(record()) | change, "set")


def test_what_is_no_object_is_named():
    with pytest.raises(ValueError, match=r"it is \[\], not an object"):
        from_plain(Record, [])
