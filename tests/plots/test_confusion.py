"""Whom a classifier takes for whom, against counts of the pairs of names."""

import numpy as np
import pytest
import torch

from facerec.backbones import ResNet
from facerec.checkpoints import ModelCard
from facerec.inference import Embedder
from facerec.losses import ArcFace, Triplet
from facerec.plots import EmbeddedImages, Network, confusion_figure, most_confused, named_people
from facerec.plots.confusion import require_classifier
from facerec.recognizer import FaceRecognizer

PEOPLE = ["ann"] * 4 + ["bob"] * 4 + ["cat"] * 4 + ["dan"] * 4
NAMED = ["ann", "bob", "bob", "ann", "bob", "bob", "bob", "ann", "cat", "cat", "cat", "eve", "dan", "dan", "dan", "dan"]
SOME = EmbeddedImages("net", "dev images", torch.zeros(16, 2), PEOPLE, [])


def cells(axes) -> dict[tuple[str, str], int]:
    rows, columns = ([label.get_text() for label in side()] for side in (axes.get_yticklabels, axes.get_xticklabels))
    places = [(text.get_position(), int(text.get_text())) for text in axes.texts]
    return {(rows[y], columns[x]): count for (x, y), count in places}


def test_a_matrix_of_all_people_holds_every_image():
    figure = confusion_figure([(SOME, NAMED)], "x", 20)
    matrix, listed = figure.axes
    expected = dict.fromkeys(zip(PEOPLE, NAMED, strict=True), 0)
    for pair in zip(PEOPLE, NAMED, strict=True):
        expected[pair] += 1
    assert cells(matrix) == expected
    assert "all 5 people" in matrix.get_title()
    assert "n = 16 images of 4 people, 4 named wrongly" in matrix.get_title()
    np.testing.assert_allclose(matrix.get_images()[0].get_array().sum(axis=1), [1.0, 1.0, 1.0, 1.0, 0.0])
    assert [label.get_text() for label in listed.get_yticklabels()] == [
        "ann named bob",
        "bob named ann",
        "cat named eve",
    ]
    assert [bar.get_width() for bar in listed.patches] == [50.0, 25.0, 25.0]
    figure.canvas.draw()


def test_of_many_people_the_most_confused_are_shown_and_the_others_together():
    assert most_confused(PEOPLE, NAMED, 2) == ["ann", "bob"]
    named = [*NAMED[:3], "dan", *NAMED[4:]]
    matrix = confusion_figure([(SOME, named)], "x", 2).axes[0]
    assert cells(matrix) == {
        ("ann", "ann"): 1,
        ("ann", "bob"): 2,
        ("ann", "others"): 1,
        ("bob", "bob"): 3,
        ("bob", "ann"): 1,
    }


def test_nobody_confused_is_said():
    figure = confusion_figure([(SOME, PEOPLE)], "x", 3)
    assert figure.axes[1].get_title() == "no image was named wrongly"
    figure.canvas.draw()


def test_images_are_named_by_the_highest_score_without_margin(monkeypatch):
    monkeypatch.setattr("facerec.plots.confusion.BLOCK", 7)  # not a divisor of 20 images
    network = of_loss(ArcFace())
    weight = network.loss.weight.detach()
    embeddings = torch.randn(20, weight.shape[1], generator=torch.Generator().manual_seed(0))
    cosines = torch.nn.functional.cosine_similarity(embeddings[:, None], weight[None], dim=2)
    expected = [network.identities[label] for label in cosines.argmax(1).tolist()]
    assert named_people(network, EmbeddedImages("net", "dev", embeddings, ["ada"] * 20, [])) == expected
    require_classifier(network)
    with pytest.raises(ValueError, match="Triplet has no class weights, so it names nobody"):
        require_classifier(of_loss(Triplet()))


def of_loss(loss) -> Network:
    recognizer = FaceRecognizer(ResNet(18, 16, 4), loss, torch.optim.SGD, 4, image_size=(32, 32))
    recognizer.card = ModelCard(identities=("ada", "ben", "cleo", "dan"))
    return Network("net", Embedder(recognizer))
