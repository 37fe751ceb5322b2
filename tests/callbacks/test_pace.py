"""Time left, by a clock of its own."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from lightning.pytorch.callbacks import Timer

from facerec.callbacks.pace import Pace, epochs_of


def training(**settings):
    given = {
        "max_epochs": 10,
        "max_steps": -1,
        "accumulate_grad_batches": 1,
        "num_training_batches": 100,
        "estimated_stepping_batches": 1000,
        "global_step": 0,
        "callbacks": [],
    }
    return SimpleNamespace(**{**given, **settings})


@pytest.mark.parametrize(("resumed_at", "left"), [(0, 20.0 * 900 / 100), (500, 20.0 * 400 / 100)])
def test_the_rest_takes_as_long_for_each_step_as_what_was_done_here(resumed_at, left):
    trainer = training(global_step=resumed_at)
    now = [5.0]
    pace = Pace(trainer, clock=lambda: now[0])
    assert pace.left is None
    now[0], trainer.global_step = 25.0, resumed_at + 100
    assert (pace.passed, pace.left) == (20.0, pytest.approx(left))


def test_a_limit_of_time_ends_it_earlier():
    trainer = training(callbacks=[Timer(timedelta(seconds=30))])
    now = [0.0]
    pace = Pace(trainer, clock=lambda: now[0])
    now[0], trainer.global_step = 20.0, 10
    assert pace.left == pytest.approx(30.0, abs=1.0)


@pytest.mark.parametrize(
    ("settings", "epochs"),
    [
        ({}, 10),
        ({"max_steps": 250}, 3),
        ({"max_epochs": -1, "max_steps": 250, "accumulate_grad_batches": 4}, 10),
        ({"max_epochs": 2, "max_steps": 250}, 2),
    ],
)
def test_the_number_of_epochs_is_that_of_the_first_end(settings, epochs):
    assert epochs_of(training(**settings)) == epochs
