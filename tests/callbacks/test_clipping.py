"""The callback clips at every step of a training, before the optimizer sees the gradients."""

import torch
from lightning.pytorch import Callback
from lightning.pytorch.demos.boring_classes import BoringModel
from torch import nn

from facerec.callbacks import AdaptiveGradientClipping
from tests.callbacks.conftest import quiet_trainer

CLIP_FACTOR = 0.02


class Model(BoringModel):
    """A backbone and class weights with gradients that are far too large."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.layer = nn.Linear(32, 8), nn.Linear(8, 2)

    def forward(self, x):
        return 1000.0 * self.layer(self.backbone(x))


class Shares(Callback):
    """Keeps how large gradients are beside their weights when the optimizer takes them."""

    def __init__(self) -> None:
        self.of_backbone: list[float] = []
        self.of_class_weights: list[float] = []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer) -> None:
        for layer, shares in ((pl_module.backbone, self.of_backbone), (pl_module.layer, self.of_class_weights)):
            shares.append((layer.weight.grad.norm(dim=1) / layer.weight.norm(dim=1)).max().item())


def test_each_step_clips_the_backbone_and_leaves_the_class_weights():
    torch.manual_seed(0)
    shares = Shares()
    trainer = quiet_trainer(AdaptiveGradientClipping(CLIP_FACTOR), shares, limit_train_batches=3, limit_val_batches=0)
    trainer.fit(Model())
    assert len(shares.of_backbone) == 3
    assert max(shares.of_backbone) <= CLIP_FACTOR * 1.001
    assert min(shares.of_class_weights) > CLIP_FACTOR
