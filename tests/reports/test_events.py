"""The scalars of a run's event files: of its training and its tests, not of later validations."""

from types import SimpleNamespace

import pytest
from torch.utils.tensorboard import SummaryWriter

from facerec.reports.events import read_events, tag_of, value_at


def log(folder, suffix, *scalars):
    """One event file, of one command."""
    with SummaryWriter(str(folder), filename_suffix=suffix) as writer:
        for name, value, step, second in scalars:
            writer.add_scalar(name, value, step, walltime=1e9 + second)


def test_the_minutes_are_those_of_the_trainings(tmp_path):
    log(tmp_path, "a", ("train/loss", 2.0, 0, 0), ("val/eer", 0.3, 9, 60))
    log(tmp_path, "b", ("train/loss", 1.0, 10, 3600), ("val/eer", 0.2, 19, 3780))
    log(tmp_path, "c", ("test/eer", 0.25, 20, 9000), ("test/orl/eer", 0.25, 20, 9600))
    scalars, minutes = read_events(tmp_path)
    assert minutes == pytest.approx(1.0 + 3.0)
    assert [event.value for event in scalars["val/eer"]] == pytest.approx([0.3, 0.2])
    assert scalars["test/eer"][0].value == pytest.approx(0.25)


def test_a_test_stands_behind_the_curves_and_has_its_name_for_those_who_read(tmp_path):
    tags = ["train/loss", "val/lfw/eer", "val_ema/eer", "val_swa/eer", tag_of("test/eer"), tag_of("test/lfw/eer")]
    assert tags == sorted(tags)
    log(tmp_path, "a", ("test/eer", 0.3, 9, 0), ("train/loss", 1.0, 9, 0))
    log(tmp_path, "b", (tag_of("test/eer"), 0.25, 20, 9000), ("verdict/eer", 0.1, 20, 9000))
    assert [event.value for event in read_events(tmp_path)[0]["test/eer"]] == pytest.approx([0.3, 0.25])


def test_files_of_one_second_come_in_the_order_of_their_numbers(tmp_path):
    for count in range(12):
        log(tmp_path, "", ("train/loss", float(count), count, count))
    assert [event.value for event in read_events(tmp_path)[0]["train/loss"]] == [float(count) for count in range(12)]


def test_a_later_validation_is_left_out(tmp_path):
    log(tmp_path, "a", ("train/loss", 2.0, 0, 0), ("val/eer", 0.3, 9, 60))
    log(tmp_path, "b", ("val/eer", 0.001, 9, 9000))
    scalars, minutes = read_events(tmp_path)
    assert [event.value for event in scalars["val/eer"]] == pytest.approx([0.3])
    assert minutes == pytest.approx(1.0)


def test_a_run_without_events_has_none(tmp_path):
    assert read_events(tmp_path) == ({}, 0.0)


@pytest.mark.parametrize(("step", "value"), [(8, None), (9, 0.3), (15, 0.3), (19, 0.1), (100, 0.05)])
def test_the_value_at_a_step_is_the_last_up_to_it(step, value):
    """Step 19 was logged twice: the run was resumed before it."""
    logged = ((9, 0.3), (19, 0.2), (29, 0.05), (19, 0.1))
    events = [SimpleNamespace(step=at, value=rate) for at, rate in logged]
    assert value_at(events, step) == value
