"""Dev accuracy: how many dev images of the training people the class weights name rightly, without margin."""

from lightning.pytorch import Trainer
from torch import Tensor

from facerec.callbacks.evaluation import EvaluationCallback, SetTable, Stage
from facerec.data.batches import Batch
from facerec.data.datamodule import DEV
from facerec.recognizer import FaceRecognizer


class DevAccuracy(EvaluationCallback):
    """Logs ``val/accuracy`` (or ``test/accuracy``): the share of dev images whose highest logit is their person's.

    Training people only, so it says nothing about people the network has never seen.
    """

    def wants(self, name: str) -> bool:
        """Only the dev images."""
        return name == DEV

    def rows(self, recognizer: FaceRecognizer, embeddings_BD: Tensor, batch: Batch) -> Tensor:
        """Whether each image is named rightly (B,), float; nothing without class weights."""
        logits_BC = recognizer.loss.logits(embeddings_BD)
        if logits_BC is None:
            return embeddings_BD.new_full((len(embeddings_BD),), float("nan"))
        return (logits_BC.argmax(1) == batch.labels).float()

    def measure(self, trainer: Trainer, recognizer: FaceRecognizer, stage: Stage, tables: dict[str, SetTable]) -> None:
        """Log the share of right answers."""
        if DEV in tables:
            _, right_N = tables[DEV].gather(recognizer)
            if not right_N.isnan().any():
                recognizer.log(f"{stage}/accuracy", right_N.mean(), prog_bar=True, sync_dist=True)
