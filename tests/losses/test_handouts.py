"""The table of losses/README.md: formulas of course texts as they are written, beside the losses of facerec.

The batch is that of the README: two people with two images each, of length 1, and class weights along the axes.
"""

import math
import re
from pathlib import Path

import pytest
import torch

import facerec
from facerec import losses

X = [(1.0, 0.0), (0.6, 0.8), (0.0, 1.0), (-0.8, 0.6)]
Y = [0, 0, 1, 1]
W = [(1.0, 0.0), (0.0, 1.0)]
IMAGES = range(4)
ROOM = Path(facerec.__file__).parent / "losses" / "README.md"


def dot(a, b):
    return sum(p * q for p, q in zip(a, b, strict=True))


def squared(i, j):
    return sum((p - q) ** 2 for p, q in zip(X[i], X[j], strict=True))


def cross_entropies(own, other):
    """-log softmax of each image; ``own`` and ``other`` turn an angle into a logit."""
    for i in IMAGES:
        logits = [(own if j == Y[i] else other)(math.acos(dot(X[i], W[j]))) for j in range(2)]
        yield math.log(sum(math.exp(logit) for logit in logits)) - logits[Y[i]]


def triplets():
    for a in IMAGES:
        for p in IMAGES:
            for n in IMAGES:
                if p != a and Y[p] == Y[a] != Y[n]:
                    yield squared(a, p) - squared(a, n)


def n_pair():
    total = 0.0
    for a, p, other in ((0, 1, 3), (2, 3, 1)):
        total += math.log(1.0 + math.exp(dot(X[a], X[other]) - dot(X[a], X[p])))
    return total


def circle(scale, margin):
    values = []
    for i in IMAGES:
        genuine = sum(math.exp(scale * (dot(X[i], X[j]) - margin)) for j in IMAGES if j != i and Y[j] == Y[i])
        impostor = sum(math.exp(scale * (dot(X[i], X[j]) + margin)) for j in IMAGES if Y[j] != Y[i])
        values.append(math.log(1.0 + genuine * impostor))
    return sum(values) / 4


def contrastive():
    total = 0.0
    for i in IMAGES:
        for j in range(i + 1, 4):
            distance = math.sqrt(squared(i, j))
            total += 0.5 * distance**2 if Y[i] == Y[j] else 0.5 * max(0.0, 1.0 - distance) ** 2
    return total


def supcon(temperature):
    total = 0.0
    for i in IMAGES:
        others = [a for a in IMAGES if a != i]
        everyone = sum(math.exp(dot(X[i], X[a]) / temperature) for a in others)
        positives = [a for a in others if Y[a] == Y[i]]
        total -= sum(math.log(math.exp(dot(X[i], X[p]) / temperature) / everyone) for p in positives) / len(positives)
    return total / 4


def plain(theta):
    return 4.0 * math.cos(theta)


def arc(theta):
    return 4.0 * math.cos(theta + 0.5)


def combined(theta):
    return 4.0 * (math.cos(theta + 0.3) + 0.2)


def multiplied(theta):
    return math.cos(4.0 * theta)


WRITTEN = {
    "Softmax": lambda: sum(cross_entropies(math.cos, math.cos)),
    "Center": lambda: 0.5 * sum(dot(x, x) for x in X),
    "Triplet": lambda: sum(max(0.0, gap + 0.2) for gap in triplets()),
    "Triplet without brackets": lambda: sum(gap + 0.2 for gap in triplets()),
    "NPair": n_pair,
    "Contrastive": contrastive,
    "ArcFace": lambda: sum(cross_entropies(arc, arc)) / 4,
    "CombinedMargin": lambda: sum(cross_entropies(combined, combined)) / 4,
    "CosFace": lambda: sum(cross_entropies(lambda theta: plain(theta) - 4.0 * 0.35, plain)) / 4,
    "SphereFace": lambda: sum(cross_entropies(multiplied, math.cos)),
    "Circle": lambda: circle(4.0, 0.25),
    "SupCon": lambda: supcon(0.5),
}
OURS = {
    "Softmax": losses.Softmax(),
    "Center": losses.Center(),
    "Triplet": losses.Triplet(strategy="all"),
    "Triplet without brackets": losses.Triplet(strategy="all"),
    "NPair": losses.NPair(),
    "Contrastive": losses.Contrastive(),
    "ArcFace": losses.ArcFace(scale=4.0, angular_margin=0.5),
    "CombinedMargin": losses.CombinedMargin(scale=4.0, angular_margin=0.3, cosine_margin=0.2),
    "CosFace": losses.CosFace(scale=4.0),
    "SphereFace": losses.SphereFace(lambda_start=0.0, lambda_end=0.0),
    "Circle": losses.Circle(scale=4.0),
    "SupCon": losses.SupCon(temperature=0.5),
}


def value(loss):
    loss.build(2, 2).double()
    if isinstance(loss, losses.ClassifierLoss):
        loss.weight.data = torch.tensor(W, dtype=torch.float64)
    return loss(torch.tensor(X, dtype=torch.float64), torch.tensor(Y)).item()


def table():
    """The two numbers of each row, by the loss's name."""
    rows = re.findall(r"^\| (`\w+`[^|]*) \|.*\| (-?\d+\.\d{4}) \|.*\| (-?\d+\.\d{4}) \|$", ROOM.read_text(), flags=re.M)
    return {name.replace("`", "").strip(): (float(written), float(ours)) for name, written, ours in rows}


@pytest.mark.parametrize("name", WRITTEN)
def test_both_numbers_of_the_table_are_computed(name):
    assert table()[name] == (pytest.approx(WRITTEN[name](), abs=5e-5), pytest.approx(value(OURS[name]), abs=5e-5))


def test_every_row_is_computed():
    assert table().keys() == WRITTEN.keys() == OURS.keys()


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("Triplet", losses.Triplet(strategy="all", average="none")),
        ("CosFace", losses.CosFace(scale=4.0)),
        ("SupCon", losses.SupCon(temperature=0.5)),
    ],
)
def test_where_facerec_can_compute_it_as_written(name, loss):
    assert value(loss) == pytest.approx(WRITTEN[name]())
