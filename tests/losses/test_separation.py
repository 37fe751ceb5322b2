"""What the class weights say of a training batch, beside numbers in float64."""

import pytest
import torch
from torch.nn.functional import normalize

from facerec.losses import ArcFace, Joint, NormFace, Softmax, SubCenterArcFace, Triplet
from facerec.losses.separation import separation
from tests.losses.loss_cases import CASES, batch

PEOPLE = 6


def built(loss):
    torch.manual_seed(3)
    return loss.build(embedding_dim=8, num_classes=PEOPLE)


def drawn(images=40):
    generator = torch.Generator().manual_seed(4)
    return torch.randn(images, 8, generator=generator), torch.randint(PEOPLE, (images,), generator=generator)


def nearest_other(cosines, labels):
    others = [
        row[[person for person in range(PEOPLE) if person != own]].max()
        for row, own in zip(cosines, labels, strict=True)
    ]
    return float(torch.stack(others).mean())


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_a_loss_of_cosines_gives_the_nearest_other_however_many_rows_at_a_time(rows, monkeypatch):
    monkeypatch.setattr("facerec.losses.base.LARGEST", rows * PEOPLE)
    loss, (embeddings, labels) = built(ArcFace(scale=16.0)), drawn()
    cosines = normalize(embeddings.double()) @ normalize(loss.weight.detach().double()).T
    found = separation(loss, embeddings, labels)
    assert float(found["accuracy"]) == pytest.approx(float((cosines.argmax(1) == labels).double().mean()))
    assert float(found["other_cosine"]) == pytest.approx(nearest_other(cosines, labels), abs=1e-6)


def test_the_nearest_of_the_sub_centers_counts():
    loss, (embeddings, labels) = built(SubCenterArcFace(scale=16.0, subcenters=3)), drawn()
    cosines = normalize(embeddings.double()) @ normalize(loss.weight.detach().double()).T
    cosines = cosines.view(len(labels), PEOPLE, 3).amax(2)
    found = separation(loss, embeddings, labels)
    assert float(found["other_cosine"]) == pytest.approx(nearest_other(cosines, labels), abs=1e-6)


def test_a_sum_answers_by_its_first_part_with_class_weights():
    loss = built(Joint({"pairs": Triplet(), "ce": Softmax()}))
    found = separation(loss, *drawn())
    assert found.keys() == {"accuracy"}  # no cosines
    assert found["accuracy"] == separation(loss.parts["ce"], *drawn())["accuracy"]


def test_without_class_weights_and_with_soft_labels_there_is_nothing():
    embeddings, labels = drawn()
    assert separation(built(Triplet()), embeddings, labels) == {}
    soft = torch.nn.functional.one_hot(labels, PEOPLE).float()
    assert separation(built(NormFace(scale=16.0)), embeddings, soft) == {}


def test_images_of_people_outside_the_classifier_do_not_count():
    loss, (embeddings, labels) = built(ArcFace(scale=16.0)), drawn()
    assert separation(loss, embeddings, labels[:30]) == separation(loss, embeddings[:30], labels[:30])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_loss_takes_it_and_is_left_as_it_was(case):
    loss = case.build(8, 4)
    embeddings, labels = batch(8, 8, 4)
    before = {name: value.clone() for name, value in loss.state_dict().items()}
    found = separation(loss, embeddings, labels)
    assert ("accuracy" in found) == (loss.logits(embeddings) is not None)
    assert all(0.0 <= float(value.abs()) <= 1.0 + 1e-6 for value in found.values())
    assert all(torch.equal(value, before[name]) for name, value in loss.state_dict().items())
