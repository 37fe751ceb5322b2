"""Hard negative class mining: once an epoch, where the network sees each training person."""

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from facerec.callbacks.accuracy import class_means
from facerec.callbacks.evaluation import data_of, recognizer_of
from facerec.losses.sharding import sharded_parts
from facerec.recognizer import FaceRecognizer

IMAGES_A_MEAN = 2  # as in the paper, which passes one or two images of each person


class HardClassMining(Callback):
    """Tells ``data.mine_among`` before each epoch but the first which people are alike (Sohn, NIPS 2016, 3.2.2).

    A loss with class weights has the directions. Without, they are those of the mean embedding of two training images
    of each person, not augmented, and the processes share the work. The first epoch draws people at random, because an
    untrained network knows nobody.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> mining = HardClassMining()
        >>> trainer = Trainer(callbacks=[mining], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse class weights of which each process has a part.

        Raises:
            ValueError: naming both settings.
        """
        mines = stage == "fit" and data_of(trainer).hard_classes is not None
        if mines and trainer.world_size > 1 and sharded_parts(recognizer_of(pl_module).loss):
            raise ValueError(
                "data.mine_among with a sharded loss: it compares the class weights of all people with each other, and "
                "no process has all. Leave one of them out"
            )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run that is resumed between epochs may begin its epoch without the hook below."""
        self._refresh(trainer, recognizer_of(pl_module))

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The loader begins its epoch after this."""
        self._refresh(trainer, recognizer_of(pl_module))

    def _refresh(self, trainer: Trainer, recognizer: FaceRecognizer) -> None:
        hard, epoch = data_of(trainer).hard_classes, trainer.current_epoch
        if hard is None or epoch == 0 or hard.epoch == epoch:  # in mid-epoch those of the checkpoint are in use
            return
        directions_CD = recognizer.loss.class_directions()
        if directions_CD is None:
            directions_CD = _encoded(trainer, recognizer)
        hard.update(trainer.strategy.broadcast(directions_CD.half().cpu()), epoch)  # the same in all processes


@torch.no_grad()
def _encoded(trainer: Trainer, recognizer: FaceRecognizer) -> Tensor:
    """Direction of the mean embedding of some images of each training person (C, D)."""
    recognizer.eval()
    means_CD = class_means(trainer, recognizer, IMAGES_A_MEAN)
    recognizer.train()
    assert means_CD is not None  # the people are those of the training
    return means_CD
