"""Norms of gradients and weights, as they are logged."""

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.loggers import CSVLogger

from facerec.callbacks import Norms
from tests.callbacks.conftest import orl_faces, quiet_trainer


class Seen(Callback):
    """Adds up squares itself, at the moment when the gradients are there and the weights are the old ones."""

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        weights = list(pl_module.backbone.parameters())
        self.norms = [
            sum(float(each.detach().double().square().sum()) for each in tensors) ** 0.5
            for tensors in ([weight.grad for weight in weights], weights)
        ]


def test_they_are_those_of_the_step_before_it_is_clipped(recognizer, tmp_path):
    seen = Seen()
    settings = {"logger": CSVLogger(tmp_path), "max_steps": 3, "log_every_n_steps": 3, "gradient_clip_val": 1e-3}
    trainer = quiet_trainer(Norms(), seen, **settings)
    trainer.fit(recognizer, orl_faces())
    logged = [float(trainer.callback_metrics[f"train/{kind}_norm"]) for kind in ("gradient", "weight")]
    assert logged == pytest.approx(seen.norms, rel=1e-5)
    assert logged[0] > 1e-2


def test_without_a_logger_they_are_not_computed(recognizer, monkeypatch):
    monkeypatch.setattr("facerec.callbacks.norms.get_total_norm", None)
    trainer = quiet_trainer(Norms(), max_steps=1)
    trainer.fit(recognizer, orl_faces())
    assert "train/gradient_norm" not in trainer.callback_metrics


def test_a_frozen_backbone_has_no_gradient(recognizer, tmp_path):
    recognizer.backbone.requires_grad_(False)
    trainer = quiet_trainer(Norms(), logger=CSVLogger(tmp_path), max_steps=1)
    trainer.fit(recognizer, orl_faces())
    assert trainer.callback_metrics["train/gradient_norm"] == 0.0
    assert torch.isfinite(trainer.callback_metrics["train/weight_norm"])
