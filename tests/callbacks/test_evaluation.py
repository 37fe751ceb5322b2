"""One row for each image of an evaluation set, whatever the order and the batches."""

import pytest
import torch
from lightning.pytorch.demos.boring_classes import BoringModel

from facerec.callbacks.evaluation import EvaluationCallback, SetTable, data_of, recognizer_of
from facerec.data import ORLPairs
from tests.callbacks.conftest import orl_faces, quiet_trainer


class OneProcess:
    @staticmethod
    def all_gather(tensor):
        return tensor


def test_table_sorts_by_index_and_counts_an_image_once():
    table = SetTable()
    table.add(torch.tensor([3, 1]), torch.tensor([[3.0], [1.0]]))
    table.add(torch.tensor([0, 3, 2]), torch.tensor([[0.0], [3.0], [2.0]]))
    indices, rows = table.gather(OneProcess())
    assert indices.tolist() == [0, 1, 2, 3]
    assert rows.squeeze(1).tolist() == [0.0, 1.0, 2.0, 3.0]


class Indices(EvaluationCallback):
    """Keeps the index of each image of the pairs, and what the last pass gave."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def wants(self, name):
        return name != "dev"

    def rows(self, recognizer, embeddings_BD, batch):
        return batch.indices

    def measure(self, trainer, recognizer, stage, tables):
        gathered = {name: table.gather(OneProcess())[1].tolist() for name, table in tables.items()}
        self.seen.append((stage, gathered))


def test_every_image_of_the_wanted_sets_is_collected_once_in_each_pass(recognizer):
    data, callback = orl_faces(), Indices()
    data.eval_batch_size = 7
    trainer = quiet_trainer(callback)
    for _ in range(2):
        trainer.validate(recognizer, data, verbose=False)
    trainer.test(recognizer, data, verbose=False)
    val, test = (
        ("val", {"orl": list(range(len(ORLPairs("val"))))}),
        ("test", {"orl": list(range(len(ORLPairs("test"))))}),
    )
    assert callback.seen == [val, val, test]


def test_another_model_or_data_is_refused_by_name():
    with pytest.raises(TypeError, match="measures a FaceRecognizer, not a BoringModel"):
        recognizer_of(BoringModel())
    with pytest.raises(TypeError, match="pass datamodule= to the trainer"):
        data_of(quiet_trainer())
