"""metrics.json is read back as it was written, and a file that cannot be read is named."""

import json
from dataclasses import replace

import pytest

from facerec import __version__
from facerec.reports import Measurement, evaluate, read_metrics, summary_table, write_metrics
from facerec.reports.measurement import FORMAT
from facerec.reports.plain import to_plain
from tests.reports.sets import embedded_people


@pytest.fixture(scope="module")
def measurement() -> Measurement:
    """One set with all there is, and one with scores alone."""
    full = evaluate(**embedded_people(), resamples=20)
    bare = evaluate([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1])
    return Measurement(
        stage="test",
        checkpoint="runs/orl/version_0/checkpoints/last.ckpt",
        score="cosine",
        flip_test="sum",
        precision="32-true",
        calibration={"threshold": 0.3, "far": 0.1, "frr": 0.1, "method": "eer", "score": "cosine"},
        logged={"test/eer": 0.25},
        sets={"full": full, "bare": bare},
    )


def test_there_and_back(measurement, tmp_path):
    write_metrics(tmp_path / "first.json", measurement)
    again = read_metrics(tmp_path / "first.json")
    write_metrics(tmp_path / "second.json", again)
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "second.json").read_bytes()
    assert replace(again, sets={}) == replace(measurement, sets={})
    assert summary_table(again.sets) == summary_table(measurement.sets)
    assert to_plain(again.sets["full"].identification) == to_plain(measurement.sets["full"].identification)
    assert again.sets["full"].interval_by_person == measurement.sets["full"].interval_by_person
    assert again.sets["bare"].interval_by_person is None


def test_the_file_says_its_format_and_who_wrote_it(measurement, tmp_path):
    write_metrics(tmp_path / "metrics.json", measurement)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert list(content)[:2] == ["format", "facerec"]
    assert (content["format"], content["facerec"]) == (FORMAT, __version__)
    assert content["sets"]["full"]["eer"] == measurement.sets["full"].eer


def test_a_file_from_before_the_format_is_read(measurement, tmp_path):
    """Its sets do not say what their scores are, and leave out what they do not have."""
    write_metrics(tmp_path / "metrics.json", measurement)
    content = json.loads((tmp_path / "metrics.json").read_text())
    del content["format"]
    for numbers in content["sets"].values():
        del numbers["score"]
        numbers["tar_at_far"] = [
            {name: value for name, value in point.items() if value is not None or "interval" not in name}
            for point in numbers["tar_at_far"]
        ]
    del content["sets"]["bare"]["interval_by_person"]
    (tmp_path / "old.json").write_text(json.dumps(content))
    old = read_metrics(tmp_path / "old.json")
    assert {summary.score for summary in old.sets.values()} == {"cosine"}
    assert old.sets["full"].eer == measurement.sets["full"].eer
    assert summary_table({"full": old.sets["full"]}) == summary_table({"full": measurement.sets["full"]})


def test_a_key_of_tomorrow_is_passed_over(measurement, tmp_path):
    write_metrics(tmp_path / "metrics.json", measurement)
    content = json.loads((tmp_path / "metrics.json").read_text()) | {"of tomorrow": 1}
    content["sets"]["full"]["of tomorrow"] = 1
    (tmp_path / "metrics.json").write_text(json.dumps(content))
    assert read_metrics(tmp_path / "metrics.json").sets["full"].eer == measurement.sets["full"].eer


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"metrics\.json is not JSON"),
        ('{"format": 2}', r"metrics\.json has format 2. This facerec reads up to 1: update facerec"),
        ('{"format": "one"}', r"metrics\.json has format one"),
        ("[]", r"metrics\.json does not hold what `facerec test` writes: it is \[\], not an object"),
        ('{"eer": 0.1}', r"metrics\.json does not hold what `facerec test` writes: score is missing"),
        (
            '{"format": 1, "score": "cosine", "sets": {"lfw": {"eer": 0.1}}}',
            r"metrics\.json .*: sets\.lfw\..* is missing",
        ),
        ('{"score": "cosine", "sets": {"lfw": 3}}', r"metrics\.json .*: sets\.lfw is 3, not an object"),
    ],
)
def test_what_cannot_be_read_is_named(text, message, tmp_path):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_metrics(tmp_path / "metrics.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*metrics\.json: `facerec test` writes it"):
        read_metrics(tmp_path / "metrics.json")
