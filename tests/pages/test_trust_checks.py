"""What speaks against trusting a number: each check against a run that is made to fail it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from facerec.align import Acquisition
from facerec.pages import DataFacts, read_subjects
from facerec.pages.answers import recognises
from facerec.pages.model_card import model_card
from facerec.pages.trust_checks import trust_checks
from facerec.reports import read_metrics, write_metrics
from facerec.reports.looks import count_look

APART = DataFacts(groups=[], overlaps=[], compared=True, left_out=[], skips_unreadable=False)


@pytest.fixture
def folder(work, tmp_path) -> Path:
    """A tested run that is alone in its experiment."""
    run = tmp_path / "runs" / "orl" / "version_0"
    shutil.copytree(work / "runs" / "orl_resnet18_arcface" / "version_0", run)
    return run


def subject(folder: Path, data: DataFacts | str = APART):
    [found] = read_subjects([("runs/orl/version_0", folder, data)])
    return found


def statuses(found) -> dict[str, str]:
    return {check.title: check.status for check in trust_checks(found)}


def test_a_first_look_with_people_apart_is_good(folder):
    found = statuses(subject(folder))
    assert [title for title, status in found.items() if status == "good"] == [
        "People are apart",
        "One look at test people",
        *(["The interval is narrow"] if "The interval is narrow" in found else []),
        "The threshold comes from validation people",
        "The checkpoint was chosen without test people",
    ]
    assert found["One training"] == "caution"


def test_a_second_look_calls_for_caution(folder):
    [fingerprint] = subject(folder).looked
    count_look(folder, {"orl": fingerprint})
    assert statuses(subject(folder))["Several looks at test people"] == "caution"


def test_a_look_by_another_run_of_the_experiment_counts(folder):
    [fingerprint] = subject(folder).looked
    other = folder.with_name("version_1")
    other.mkdir()
    count_look(other, {"orl": fingerprint})
    [text] = [check.text for check in trust_checks(subject(folder)) if check.title == "Several looks at test people"]
    assert text.startswith("This run looked at them once, and the 2 runs of orl 2 times.")


def test_people_in_two_groups_take_the_answer_back(folder):
    found = subject(folder, replace(APART, overlaps=["3 people are in both"]))
    assert statuses(found)["People are not apart"] == "caution"
    assert recognises([found])[0].short.startswith("Not shown: people or images of the test are in another group")


def test_names_that_tell_nothing_leave_it_open(folder):
    assert statuses(subject(folder, replace(APART, compared=False)))["People are apart"] == "unknown"
    assert statuses(subject(folder, "no folder faces"))["People are apart"] == "unknown"


def test_a_threshold_of_the_test_pairs_is_told(folder):
    found = subject(folder)
    [fingerprint] = found.looked
    measurement = found.test.measurement
    calibration = {**measurement.calibration, "pairs": [fingerprint]}
    test = replace(found.test, measurement=replace(measurement, calibration=calibration))
    assert statuses(replace(found, test=test))["The threshold saw the test people"] == "caution"
    test = replace(found.test, measurement=replace(measurement, calibration=None))
    assert statuses(replace(found, test=test))["No threshold"] == "caution"


def test_a_test_of_another_checkpoint_is_told(folder):
    [best] = (folder / "checkpoints").glob("best-*.ckpt")
    best.rename(best.with_name("best-epoch=077.ckpt"))
    assert statuses(subject(folder))["Another checkpoint was tested"] == "caution"


@pytest.mark.parametrize(
    ("eer", "low", "high", "answer"),
    [(0.1, 0.05, 0.2, "Yes:"), (0.45, 0.3, 0.5, "Not shown:"), (0.7, 0.6, 0.8, "No.")],
)
def test_the_answer_rests_on_the_interval(eer, low, high, answer, folder):
    found = subject(folder)
    numbers = found.sets["orl"]
    by_person = replace(numbers.interval_by_person, equal_error_rate=(low, high))
    by_person = replace(by_person, equal_error_rate=type(numbers.interval_by_person.equal_error_rate)(low, high))
    numbers = replace(numbers, eer=eer, interval_by_person=by_person)
    test = replace(found.test, measurement=replace(found.test.measurement, sets={"orl": numbers}))
    assert recognises([replace(found, test=test)])[0].short.startswith(answer)


def test_the_card_has_intervals_of_the_rates_and_what_a_detector_left_out(folder):
    path = folder / "test" / "metrics.json"
    measured = read_metrics(path)
    found = measured.sets["orl"].at_threshold
    card = dict(model_card(subject(folder)))
    low, high = found.fnmr.interval
    assert f"FNMR {found.fnmr.rate:.2%} ({low:.2%} to {high:.2%})" in card["error rates, orl"]
    assert card["failure to acquire (FTA)"].startswith("Not measured by this test")
    left_out = replace(found, acquisition=Acquisition(images=120, without_face=20))
    orl = replace(measured.sets["orl"], at_threshold=left_out)
    write_metrics(path, replace(measured, sets={"orl": orl}))
    told = dict(model_card(subject(folder)))["failure to acquire (FTA)"]
    assert "orl: no usable face in 20 of 120 images (FTA 16.67%)" in told
    assert f"FRR {1 / 6 + 5 / 6 * found.fnmr.rate:.2%}" in told
