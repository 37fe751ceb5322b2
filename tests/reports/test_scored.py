"""What a set of pairs takes, and how it says what is wrong with it."""

import numpy as np
import pytest
import torch

from facerec.metrics import VerificationCurve, pair_scores
from facerec.reports import ScoredSet
from tests.reports.sets import embedded_people, five_pairs

SAME = [1, 1, 0, 0]
SCORES = [0.9, 0.4, 0.5, 0.1]
PAIRS = [[0, 1], [2, 3], [0, 2], [1, 3]]


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor, lambda values: torch.tensor(values).to(torch.bfloat16)])
def test_lists_arrays_and_tensors_give_the_same_curve(kind):
    scored = ScoredSet.from_arrays(kind(SAME), scores=kind([0.875, 0.375, 0.5, 0.125]))
    assert scored.curve.equal_error_rate() == (0.5, 0.4375)
    assert scored.score == "given"
    assert (scored.people, scored.embeddings) == (None, None)


def test_a_tensor_with_a_gradient_will_do():
    embeddings = torch.eye(4, requires_grad=True)
    scored = ScoredSet.from_arrays(SAME, embeddings=embeddings, pairs=PAIRS, scores=torch.tensor(SCORES) * 1.0)
    assert not scored.embeddings.requires_grad


@pytest.mark.parametrize("score", [None, "cosine", "euclidean"])
def test_embeddings_are_scored(score):
    given = embedded_people()
    scored = ScoredSet.from_arrays(**given, score=score)
    kind = score or "cosine"
    assert scored.score == kind
    assert (scored.scores == pair_scores(torch.from_numpy(given["embeddings"]), given["pairs"], kind)).all()
    assert (scored.people == given["subjects"][given["pairs"]]).all()


def test_people_may_have_names():
    scored = ScoredSet.from_arrays(SAME, scores=SCORES, pairs=PAIRS, subjects=["ben", "ben", "ada", "ada"])
    assert scored.people.tolist() == [[1, 1], [0, 0], [1, 0], [1, 0]]


def test_the_curve_is_built_once(monkeypatch):
    built = []
    build = VerificationCurve.__init__
    monkeypatch.setattr(VerificationCurve, "__init__", lambda self, *given: built.append(self) or build(self, *given))
    scored = five_pairs()
    assert not built
    assert scored.curve is scored.curve
    assert len(built) == 1


def test_a_row_is_an_image_of_the_source():
    assert [five_pairs().place(row) for row in range(4)] == [0, 1, 2, 5]
    assert ScoredSet.from_arrays(SAME, scores=SCORES).place(3) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"nothing to measure: give scores \(P,\), or embeddings \(N, D\) and pairs \(P, 2\)"),
        ({"scores": SCORES[:3]}, r"scores \(3,\) and same \(4,\)"),
        ({"scores": [0.9, float("nan"), 0.5, 0.1]}, "1 of 4 scores are not finite|scores contain NaN or inf: 1 of 4"),
        ({"scores": [SCORES]}, r"scores \(1, 4\) and same \(4,\)"),
        ({"scores": SCORES, "folds": [0, 1]}, "2 folds and 4 labels in same: give one for each pair"),
        ({"scores": SCORES, "pairs": PAIRS[:2]}, "2 pairs and 4 labels in same"),
        ({"scores": SCORES, "pairs": [0, 1, 2, 3]}, r"pairs \(4,\) of int64: give two rows for each pair"),
        ({"scores": SCORES, "pairs": [[0.0, 1.0]] * 4}, r"pairs \(4, 2\) of float64"),
        ({"scores": SCORES, "subjects": [0, 0, 1, 1]}, "subjects without pairs"),
        ({"embeddings": np.eye(4)}, "embeddings without pairs"),
        ({"embeddings": np.eye(3), "pairs": PAIRS}, "pairs name rows 0 to 3 and there are 3 embeddings"),
        ({"embeddings": np.eye(4), "pairs": [[-1, 0]] * 4}, "pairs name rows -1 to 0"),
        ({"embeddings": np.ones(4), "pairs": PAIRS}, r"embeddings \(4,\): give one row for each image"),
        ({"embeddings": np.eye(4) * np.nan, "pairs": PAIRS}, "embeddings contain NaN or inf: 4 of 4"),
        ({"embeddings": np.eye(4), "pairs": PAIRS, "subjects": [0]}, "4 embeddings and 1 subjects"),
        ({"embeddings": np.eye(4), "pairs": PAIRS, "score": "l1"}, "score='l1': choose one of cosine, euclidean"),
    ],
)
def test_what_does_not_fit_together_is_named(given, message):
    with pytest.raises(ValueError, match=message):
        ScoredSet.from_arrays(SAME, **given)


@pytest.mark.parametrize("same", [[1, 1, 1, 1], [0, 0, 0, 0]])
def test_one_kind_of_pair_gives_no_rates(same):
    with pytest.raises(ValueError, match="genuine and .* impostor pairs: error rates need at least one of each"):
        ScoredSet.from_arrays(same, scores=SCORES)
