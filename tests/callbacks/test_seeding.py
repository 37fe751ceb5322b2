"""What a training step draws depends on its seed, epoch, place and process alone."""

from types import SimpleNamespace

import torch

from facerec.callbacks import StepSeed
from tests.callbacks.conftest import orl_faces


def draw(step=0, epoch=0, seed=0, rank=0, processes=2):
    data = orl_faces()
    data.seed = seed
    trainer = SimpleNamespace(datamodule=data, current_epoch=epoch, world_size=processes, global_rank=rank)
    StepSeed().on_train_batch_start(trainer, None, None, step)
    return torch.rand(1).item()


def test_a_step_draws_the_same_however_it_is_reached():
    first = draw(step=3, epoch=2, seed=1)
    torch.rand(10)  # what another way to this step drew
    assert draw(step=3, epoch=2, seed=1) == first


def test_steps_epochs_seeds_and_processes_draw_apart():
    draws = [
        draw(step=step, epoch=epoch, seed=seed, rank=rank)
        for step in range(3)
        for epoch in range(3)
        for seed in range(3)
        for rank in range(2)
    ]
    assert len(set(draws)) == 54
