"""What Python users lean on: every exported name shows an example, and takes lists, arrays and tensors alike."""

import inspect

import numpy as np
import pytest
import torch

from facerec import metrics

SCORES, SAME = [0.875, 0.75, 0.5, 0.25, 0.75, 0.125], [True, True, False, True, False, False]
EMBEDDINGS, PEOPLE, PAIRS = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, -0.8]], [7, 7, 8, 8], [[0, 1], [0, 2], [2, 3]]
KINDS = {
    "array": np.asarray,
    "tensor": torch.as_tensor,
    "bfloat16": lambda values: torch.as_tensor(values, dtype=torch.bfloat16 if isinstance(values[0], float) else None),
    "with gradients": lambda values: torch.as_tensor(values).requires_grad_(isinstance(values[0], float)),
}


@pytest.mark.parametrize("name", metrics.__all__)
def test_every_exported_name_has_an_example(name):
    exported = getattr(metrics, name)
    if inspect.isclass(exported) or inspect.isfunction(exported):
        assert ">>> " in (inspect.getdoc(exported) or ""), f"{name} shows no example"


def verification_numbers(scores, same, folds):
    return [
        metrics.equal_error_rate(scores, same),
        metrics.area_under_roc(scores, same),
        *metrics.roc(scores, same),
        *metrics.det(scores, same),
        metrics.error_rates_at(scores, same, 0.5),
        metrics.tar_at_far(scores, same, [1.0]),
        metrics.best_accuracy(scores, same),
        metrics.calibrate_threshold(scores, same, "accuracy")["threshold"],
        metrics.bootstrap(scores, same, resamples=5).equal_error_rate,
        metrics.bootstrap_interval(metrics.area_under_roc, scores, same, resamples=5),
        metrics.kfold_accuracy(scores, same, folds).accuracies,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_scores_in_any_container(kind):
    convert = KINDS[kind]
    expected = verification_numbers(SCORES, SAME, [0, 0, 0, 1, 1, 1])
    found = verification_numbers(convert(SCORES), convert(SAME), convert([0, 0, 0, 1, 1, 1]))
    for value, reference in zip(found, expected, strict=True):
        np.testing.assert_equal(value, reference)


def embedding_numbers(embeddings, pairs, people):
    trials = metrics.leave_one_out(embeddings, people)
    templates, labels = metrics.gallery_templates(embeddings, people)
    return [
        metrics.pair_scores(embeddings, pairs, "euclidean"),
        metrics.cosine_scores(embeddings, pairs),
        metrics.normalise_scores([0.5, 0.25, 0.0], embeddings, pairs, embeddings),
        trials.ranks,
        trials.own_scores,
        metrics.search(templates, labels, labels).own_scores,
    ]


@pytest.mark.parametrize("kind", ["array", "tensor", "with gradients"])
def test_embeddings_in_any_container(kind):
    def convert(values):
        rows = KINDS[kind](values)
        return rows.requires_grad_() if kind == "with gradients" and rows.is_floating_point() else rows

    expected = embedding_numbers(EMBEDDINGS, PAIRS, PEOPLE)
    for value, reference in zip(embedding_numbers(convert(EMBEDDINGS), PAIRS, PEOPLE), expected, strict=True):
        np.testing.assert_allclose(value, reference, rtol=1e-6, atol=1e-7)
    assert metrics.gallery_templates([[3, 0], [0, 2]], [1, 2])[0].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    found = embedding_numbers(torch.tensor(EMBEDDINGS), torch.tensor(PAIRS), torch.tensor(PEOPLE))
    for value, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, reference, rtol=1e-6, atol=1e-7)
