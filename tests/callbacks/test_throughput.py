"""Images a second: the time of training batches alone."""

from types import SimpleNamespace

import pytest
import torch

from facerec.callbacks import Throughput, throughput


class Run:
    """Steps of 4 images that last 2 seconds by a clock of its own."""

    def __init__(self, monkeypatch, batches):
        self.now, self.logged = 1000.0, []
        self.callback = Throughput()
        self.trainer = SimpleNamespace(num_training_batches=batches, world_size=1)
        self.module = SimpleNamespace(log=lambda name, value: self.logged.append(value))
        monkeypatch.setattr(throughput, "time", SimpleNamespace(perf_counter=lambda: self.now))

    def train(self, *batches):
        batch = SimpleNamespace(images=torch.zeros(4))
        for index in batches:
            self.callback.on_train_batch_start(self.trainer, self.module, batch, index)
            self.now += 2.0
            self.callback.on_train_batch_end(self.trainer, self.module, None, batch, index)

    def validate(self):
        self.callback.on_validation_start(self.trainer, self.module)
        self.now += 500.0
        self.callback.on_validation_end(self.trainer, self.module)

    def epoch(self):
        self.now += 100.0  # the loader starts
        self.callback.on_train_epoch_start(self.trainer, self.module)


@pytest.mark.parametrize("batches", [1, 2, 4])
def test_each_epoch_is_timed_from_its_second_batch(batches, monkeypatch):
    run = Run(monkeypatch, batches)
    for _ in range(2):
        run.epoch()
        run.train(*range(batches))
        run.validate()
    assert run.logged == [2.0, 2.0]


def test_a_validation_within_the_epoch_is_not_counted(monkeypatch):
    run = Run(monkeypatch, 4)
    run.validate()  # before the training
    run.epoch()
    run.train(0)
    run.validate()
    run.train(1, 2)
    run.validate()
    run.train(3)
    assert run.logged == [2.0]


def test_a_run_resumed_in_mid_epoch_is_timed_from_there(monkeypatch):
    run = Run(monkeypatch, 4)
    run.epoch()
    run.train(2, 3)
    assert run.logged == [2.0]
