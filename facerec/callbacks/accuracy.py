"""Dev accuracy: the share of dev images of the training people that are named correctly, without margin."""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule, Trainer
from numpy.typing import NDArray
from torch import Tensor

from facerec.callbacks.evaluation import EvaluationCallback, SetTable, Stage, data_of, recognizer_of
from facerec.data.batches import Batch
from facerec.data.datamodule import DEV
from facerec.losses import ClassifierLoss
from facerec.recognizer import FaceRecognizer

IMAGES_A_MEAN = 10
NAMED, RIGHT, LOSS = range(3)  # columns of the rows that it keeps
CLASS_WEIGHTS, NEAREST_MEAN = "accuracy", "accuracy_nearest_mean"


class DevAccuracy(EvaluationCallback):
    """Logs the share of dev images that get the name of their own person, by class weights or by class means.

    - ``val/accuracy`` (or ``test/accuracy``): the person's logit is the highest. It needs a loss with class weights.
    - ``val/accuracy_nearest_mean``: the person's class mean is the nearest by cosine. A loss without class weights
      gives this one. A class mean is the mean of the unit embeddings of up to 10 training images, not augmented.
    - ``val/loss``: the training's loss of the dev images, from a loss that is a single classifier.

    All are about training people: they say nothing about people the network has never seen.

    Attributes:
        named: the dev images of the last pass by their index (N,), and the class that each was named as (N,).

    Example:
        >>> DevAccuracy().wants("dev"), DevAccuracy().wants("pairs")  # it measures the dev images alone
        (True, False)
    """

    def __init__(self) -> None:
        super().__init__()
        self._means_CD: Tensor | None = None
        self._means_due = True
        self.named: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def wants(self, name: str) -> bool:
        """Only the dev images."""
        return name == DEV

    def _start(self) -> None:
        super()._start()
        self.named = None
        self._means_CD = None
        self._means_due = True

    def _collect(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, loader: int, stage: Stage
    ) -> None:
        # Not before the first batch: only now are BatchNorm's statistics the same in all processes. Every process gets
        # here: the sampler gives each as many images.
        if self._means_due and self.wants(data_of(trainer).evaluation_sets(stage)[loader]):
            self._means_due = False
            self._find_means(trainer, recognizer_of(pl_module))
        super()._collect(trainer, pl_module, outputs, batch, loader, stage)

    def _find_means(self, trainer: Trainer, recognizer: FaceRecognizer) -> None:
        if recognizer.loss.num_classes and accuracy_name(recognizer) == NEAREST_MEAN:
            self._means_CD = class_means(trainer, recognizer)

    def rows(self, recognizer: FaceRecognizer, embeddings_BD: Tensor, batch: Batch) -> Tensor:
        """Class that each image is named as, whether that is right, and the loss of the batch (B, 3), float.

        NaN where there is none: without class weights and class means, and in the last column for other losses.
        """
        class_embeddings_BD = recognizer.class_embeddings(embeddings_BD)
        named_B = recognizer.loss.named(class_embeddings_BD)
        rows_B3 = embeddings_BD.new_full((len(embeddings_BD), 3), float("nan"), dtype=torch.float32)
        if named_B is None:
            if self._means_CD is None:
                return rows_B3
            named_B = (embeddings_BD @ self._means_CD.T).argmax(1)
        elif isinstance(recognizer.loss, ClassifierLoss):
            loss = recognizer.loss
            of_batch = loss.of_whole_batch if loss.shard is None else loss  # class weights of others see all images
            rows_B3[:, LOSS] = of_batch(class_embeddings_BD, batch.labels)
        rows_B3[:, NAMED] = named_B.float()  # exact up to 16 million people
        rows_B3[:, RIGHT] = (named_B == batch.labels).float()
        return rows_B3

    def measure(self, trainer: Trainer, recognizer: FaceRecognizer, stage: Stage, tables: dict[str, SetTable]) -> None:
        """Log the share of correct names, and in a validation the loss."""
        if DEV in tables:
            indices_N, rows_N3 = tables[DEV].gather(trainer.lightning_module)
            name = CLASS_WEIGHTS if self._means_CD is None else NEAREST_MEAN
            # A number goes to the module's device; a tensor on the CPU breaks NCCL.
            share, loss = float(rows_N3[:, RIGHT].mean()), float(rows_N3[:, LOSS].mean())
            if not math.isnan(share):
                logged = f"{self.logged_stage(stage)}/{name}"
                self.log_number(trainer, logged, share, prog_bar=not self._suffix)
                self.named = indices_N.numpy(), rows_N3[:, NAMED].long().numpy()
            if stage == "val" and not rows_N3[:, LOSS].isnan().all():
                self.log_number(trainer, f"{self.logged_stage(stage)}/loss", loss)


@torch.no_grad()
def accuracy_name(recognizer: FaceRecognizer) -> str:
    """What dev accuracy is logged as: by class weights, or by class means for a loss without them."""
    probe_1D = torch.zeros(1, recognizer.backbone.embedding_dim, device=recognizer.device)
    return NEAREST_MEAN if recognizer.loss.named(probe_1D) is None else CLASS_WEIGHTS


@torch.no_grad()
def class_means(trainer: Trainer, recognizer: FaceRecognizer, images: int = IMAGES_A_MEAN) -> Tensor | None:
    """Direction of the mean embedding of each training person (C, D); the processes share the work.

    Args:
        trainer: with the data.
        recognizer: the network, in evaluation mode.
        images: largest number of images of a person that the mean is over.

    Returns:
        None if the training images at hand are not those of the model, as in an evaluation on other data.
    """
    dataset = data_of(trainer).train_dataset(recognizer.identities)
    if dataset is None:
        return None
    labels_N = np.asarray(dataset.labels)[dataset.indices]
    order_N = np.argsort(labels_N, kind="stable")
    rank_N = np.arange(len(order_N)) - np.searchsorted(labels_N[order_N], labels_N[order_N])  # within the person
    chosen = order_N[rank_N < images]
    sums_CD = torch.zeros(recognizer.loss.num_classes, recognizer.score_dim, device=recognizer.device)
    mine = chosen[trainer.global_rank :: trainer.world_size]
    loader = data_of(trainer).plain_loader(dataset, mine)
    for batch in loader:
        embeddings_BD = recognizer.embed(batch.images.to(recognizer.device))
        sums_CD.index_add_(0, batch.labels.to(recognizer.device), F.normalize(embeddings_BD))
    return F.normalize(trainer.strategy.reduce(sums_CD, reduce_op="sum"))
