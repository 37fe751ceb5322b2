"""What the data module and the model ask of each other, and who can answer."""

from functools import partial

import torch
from torch import nn

from facerec import losses
from facerec.backbones import LeNet
from facerec.data import FaceDataModule, ORLImages
from facerec.data.interfaces import BatchNeeds, TrainedModel, TrainingPeople, loss_of, trained_people
from facerec.recognizer import FaceRecognizer


def recognizer(loss):
    return FaceRecognizer(LeNet(8), loss, partial(torch.optim.SGD, lr=0.1), num_classes=4, image_size=(32, 32))


def test_the_recognizer_and_the_data_module_answer_each_other():
    model, data = recognizer(losses.Softmax()), FaceDataModule(train=ORLImages("train"))
    assert isinstance(model, TrainedModel)
    assert isinstance(data, TrainingPeople)
    assert list(data.identities) == list(ORLImages("train").identities)
    assert list(trained_people(model)) == []


def test_every_loss_says_what_it_needs():
    made = [getattr(losses, name) for name in losses.__all__]
    kinds = [kind for kind in made if isinstance(kind, type) and issubclass(kind, losses.Loss)]
    assert len(kinds) > 10
    for kind in kinds:
        for member in ("needs_positives", "takes_soft_labels"):
            assert hasattr(kind, member)  # of the class: what Python 3.12 looks at


def test_the_loss_is_found_by_what_it_says():
    loss = losses.Triplet()
    assert loss_of(recognizer(loss)) is loss
    assert isinstance(loss, BatchNeeds)
    assert loss_of(nn.Sequential(nn.Linear(2, 2))) is None
    assert loss_of(None) is None


def test_a_model_that_names_nobody_was_trained_on_nobody_known():
    assert list(trained_people(nn.Linear(2, 2))) == []
    assert list(trained_people(None)) == []
