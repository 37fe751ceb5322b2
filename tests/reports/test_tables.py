"""The table that `facerec test` prints."""

import re
from dataclasses import replace

import numpy as np

from facerec.reports import evaluate, format_table, summary_table
from tests.reports.sets import embedded_people


def test_table_of_text():
    assert format_table([("set", "EER"), ("lfw", "3.0%"), ("b", "12.0%")]).splitlines() == [
        "set    EER",
        "---  -----",
        "lfw   3.0%",
        "b    12.0%",
    ]


def test_the_table_has_a_column_for_each_set_and_says_what_is_not_supported():
    generator = np.random.default_rng(0)
    same = np.arange(300) < 100
    scores = generator.normal(same * 2.0, 1.0)
    settings = {"scores": scores, "fars": (0.1, 0.001), "resamples": 20}
    with_folds = evaluate(same, folds=np.arange(300) % 10, **settings)
    plain = evaluate(same, **settings)
    table = summary_table({"a": with_folds, "b": plain})
    rows = {cells[0]: cells for cells in (re.split(r" {2,}", line.strip()) for line in table.split("\n"))}
    assert rows["set"] == ["set", "a", "b"]
    assert "too few impostors (200)" in summary_table({"a": plain})
    assert {"EER", "AUC", "accuracy, 10 folds", "TAR at FAR 0.1", "95% by person"} <= set(rows)
    assert rows["accuracy, 10 folds"][-1] == "-"


def test_an_interval_is_by_person_where_people_are_known():
    summary = evaluate(**embedded_people(), fars=(0.1,), resamples=20)
    [point] = summary.tar_at_far
    low, high = point.interval_by_person
    assert f"{point.tar:.2%} ({low:.2%} - {high:.2%})" in str(summary)
    unknown = replace(summary, tar_at_far=[replace(point, interval_by_person=None)])
    low, high = point.interval_by_pair
    assert f"{point.tar:.2%} ({low:.2%} - {high:.2%})" in str(unknown)


def test_identification_says_that_it_goes_by_the_cosine():
    summary = evaluate(**embedded_people(), resamples=20)
    assert "cosine" not in summary_table({"a": summary})
    table = summary_table({"a": replace(summary, score="euclidean")})
    assert all(label in table for label in ("rank 1 (cosine)", "TPIR at FPIR 0.1 (cosine)"))
    missing = replace(summary, score="cosine as-norm", identification=None, no_identification="people unknown")
    assert re.search(r"identification \(cosine\) +people unknown", summary_table({"a": missing}))
