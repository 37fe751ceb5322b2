"""The share of dev images that get their own person's name."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from facerec.callbacks.accuracy import IMAGES_A_MEAN, DevAccuracy
from facerec.callbacks.evaluation import SetTable
from facerec.data import ORLImages
from tests.callbacks.conftest import orl_faces, quiet_trainer
from tests.callbacks.test_evaluation import OneProcess


def embedded(recognizer, source):
    with torch.no_grad():
        return torch.cat([recognizer.eval().embed(source.read(index)[None]) for index in range(len(source))])


def test_by_class_weights(recognizer):
    trainer = quiet_trainer(DevAccuracy())
    trainer.validate(recognizer, orl_faces(), verbose=False)
    dev = ORLImages("dev")
    named = recognizer.loss.logits(embedded(recognizer, dev)).argmax(1).numpy()
    assert set(trainer.callback_metrics) >= {"val/accuracy"}
    assert float(trainer.callback_metrics["val/accuracy"]) == pytest.approx((named == dev.labels).mean(), abs=0.03)


def test_by_class_means_where_the_loss_has_no_class_weights(recognizer, monkeypatch):
    monkeypatch.setattr(type(recognizer.loss), "logits", lambda self, embeddings: None)
    trainer = quiet_trainer(DevAccuracy())
    trainer.validate(recognizer, orl_faces(), verbose=False)
    train, dev = ORLImages("train"), ORLImages("dev")
    units, labels = normalize(embedded(recognizer, train)), np.asarray(train.labels)
    means = torch.stack(
        [units[np.flatnonzero(labels == person)[:IMAGES_A_MEAN]].mean(0) for person in range(len(train.identities))]
    )
    named = (embedded(recognizer, dev) @ normalize(means).T).argmax(1).numpy()
    assert "val/accuracy" not in trainer.callback_metrics
    share = float(trainer.callback_metrics["val/accuracy_nearest_mean"])
    assert share == pytest.approx((named == dev.labels).mean(), abs=0.03)


def test_dev_accuracy_is_logged_as_a_number():
    """Not as a tensor on the CPU, which NCCL cannot average."""
    logged = {}

    class Recognizer(OneProcess):
        takes_raw_weights = False

        @staticmethod
        def log(name, value, **options):
            logged[name] = (type(value), value)

    table = SetTable()
    table.add(torch.tensor([0, 1, 2, 3]), torch.tensor([1.0, 0.0, 1.0, 1.0]))
    recognizer = Recognizer()
    trainer = SimpleNamespace(lightning_module=recognizer)
    DevAccuracy().measure(trainer, recognizer, "val", {"dev": table})
    assert logged == {"val/accuracy": (float, 0.75)}
