"""Clips the backbone's gradients before each optimizer step."""

from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from facerec.clipping import clip_adaptively_


class AdaptiveGradientClipping(Callback):
    """Adaptive gradient clipping of the backbone, for networks without normalisation (``facerec.clipping``).

    Args:
        clip_factor: largest norm of a unit's gradient, as a share of the norm of its weights.
        eps: smallest norm that weights count with.

    Raises:
        ValueError: if a setting is not above 0.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> clipping = AdaptiveGradientClipping(clip_factor=0.02)
        >>> trainer = Trainer(callbacks=[clipping], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self, clip_factor: float = 0.01, eps: float = 1e-3) -> None:
        clip_adaptively_([], clip_factor, eps)  # refuse bad settings now, not at the first step
        self.clip_factor = clip_factor
        self.eps = eps

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Clip. Under mixed precision the gradients are unscaled by now."""
        clip_adaptively_(pl_module.backbone.parameters(), self.clip_factor, self.eps)  # type: ignore[union-attr]
