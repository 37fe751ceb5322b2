"""A training that takes days on this CPU says so from its first steps on."""

import warnings
from itertools import count

import pytest

from facerec.callbacks import LongRunNotice
from tests.callbacks.conftest import orl_faces, quiet_trainer


def warned(recognizer, seconds_a_step, **settings) -> list[str]:
    """Warnings of a training with 12 steps an epoch, whose clock is read once a step."""
    ticks = count(1000.0, seconds_a_step)
    data = orl_faces()
    data.batch_size = 16
    settings = {"max_steps": 4, "limit_val_batches": 0, "accelerator": "cpu", **settings}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        notice = LongRunNotice("facerec check says more", clock=lambda: next(ticks))
        quiet_trainer(notice, **settings).fit(recognizer, datamodule=data)
    texts = [str(warning.message) for warning in caught]
    return [text for text in texts if "an epoch here" in text]


def test_an_epoch_of_hours_is_said_once_in_numbers(recognizer):
    [said] = warned(recognizer, 600.0, max_epochs=100, max_steps=-1, max_time={"seconds": 1})
    # 12 steps of 10 minutes; 1,198 of 1,200 are left
    assert said == "about 2 h an epoch here (100 epochs: 8 days); facerec check says more"


def test_short_epochs_of_a_long_training_count_as_well(recognizer):
    [said] = warned(recognizer, 20.0, max_epochs=1000, max_steps=-1, max_time={"seconds": 1})
    assert said.startswith("about 4 min an epoch here (1000 epochs: 3 days)")


@pytest.mark.parametrize("seconds_a_step", [0.5, 20.0])
def test_a_training_of_minutes_says_nothing(recognizer, seconds_a_step):
    assert not warned(recognizer, seconds_a_step)


def test_a_clock_that_has_not_run_ten_seconds_is_not_trusted(recognizer):
    """Steps of 4 seconds, 3 of them measured: the warning comes with the fourth step."""
    assert not warned(recognizer, 4.0, max_epochs=10000, max_steps=3)
    assert warned(recognizer, 4.0, max_epochs=100000, max_steps=-1, max_time={"seconds": 1})
