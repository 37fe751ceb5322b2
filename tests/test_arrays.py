"""Lists, arrays and tensors are taken alike, and NaN and inf are refused by name and number."""

import numpy as np
import pytest
import torch

from facerec.arrays import as_array, as_tensor, require_finite

FORMS = [[0.5, 1.0], np.array([0.5, 1.0]), torch.tensor([0.5, 1.0], dtype=torch.bfloat16, requires_grad=True)]


@pytest.mark.parametrize("values", FORMS, ids=["list", "array", "tensor"])
def test_every_form_gives_the_same_values(values) -> None:
    assert as_array(values).tolist() == [0.5, 1.0]
    tensor = as_tensor(values)
    assert tensor.tolist() == [0.5, 1.0]
    assert tensor.is_floating_point()
    assert not tensor.requires_grad


def test_whole_numbers_become_floating() -> None:
    assert as_tensor([1, 0]).dtype == torch.float32


def test_numbers_pass() -> None:
    require_finite("embeddings", torch.tensor([[1.0, -3e38], [0.0, 0.0]]))
    require_finite("embeddings", torch.empty(0, 4))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_the_first_broken_row_is_named_and_all_are_counted(value) -> None:
    embeddings = torch.zeros(4, 3)
    embeddings[1, 2] = embeddings[3, 0] = value
    with pytest.raises(ValueError, match=r"^embeddings contain NaN or inf: 2 of 4$"):
        require_finite("embeddings", embeddings)
    with pytest.raises(ValueError, match=r"NaN or inf: 2 of 4, the first of b.jpg. Train anew$"):
        require_finite("embeddings", embeddings.tolist(), "Train anew", ["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
