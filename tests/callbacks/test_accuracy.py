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
    right, nan = torch.tensor([1.0, 0.0, 1.0, 1.0]), torch.full((4,), torch.nan)
    table.add(torch.tensor([0, 1, 2, 3]), torch.stack([torch.tensor([4.0, 7.0, 5.0, 6.0]), right, nan], dim=1))
    recognizer = Recognizer()
    trainer = SimpleNamespace(lightning_module=recognizer)
    accuracy = DevAccuracy()
    accuracy.measure(trainer, recognizer, "val", {"dev": table})
    assert logged == {"val/accuracy": (float, 0.75)}
    assert accuracy.named is not None
    assert [list(column) for column in accuracy.named] == [[0, 1, 2, 3], [4, 7, 5, 6]]


def test_the_loss_of_the_dev_images_and_the_names_that_they_got(recognizer):
    accuracy, dev = DevAccuracy(), ORLImages("dev")
    trainer = quiet_trainer(accuracy)
    trainer.validate(recognizer, orl_faces(), verbose=False)
    embeddings, labels = embedded(recognizer, dev), torch.as_tensor(dev.labels)
    cosines = normalize(embeddings).double() @ normalize(recognizer.loss.weight.detach().double()).T
    own = cosines.gather(1, labels[:, None])
    share = float(recognizer.loss.margin_share())
    target = own + share * (torch.cos(own.acos() + recognizer.loss.angular_margin) - own)
    logits = recognizer.loss.scale * cosines.scatter(1, labels[:, None], target)
    expected = float(torch.nn.functional.cross_entropy(logits, labels))
    assert float(trainer.callback_metrics["val/loss"]) == pytest.approx(expected, rel=1e-4)
    indices, named = accuracy.named
    assert list(indices) == list(range(len(dev)))
    assert (named == cosines.argmax(1).numpy()).mean() > 0.97  # a tie may go either way


def test_a_loss_without_class_weights_has_no_loss_of_dev_images(recognizer, monkeypatch):
    monkeypatch.setattr(type(recognizer.loss), "logits", lambda self, embeddings: None)
    trainer = quiet_trainer(DevAccuracy())
    trainer.validate(recognizer, orl_faces(), verbose=False)
    assert "val/loss" not in trainer.callback_metrics
