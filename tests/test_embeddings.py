import pytest
import torch
from facerec.embeddings import require_finite


def test_numbers_pass() -> None:
    require_finite(torch.tensor([[1.0, -3e38], [0.0, 0.0]]))
    require_finite(torch.empty(0, 4))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_the_first_broken_row_is_named_and_all_are_counted(value) -> None:
    embeddings = torch.zeros(4, 3)
    embeddings[1, 2] = embeddings[3, 0] = value
    with pytest.raises(ValueError, match=r"^embeddings contain NaN or inf: 2 of 4$"):
        require_finite(embeddings)
    with pytest.raises(ValueError, match=r"NaN or inf: 2 of 4, the first of b.jpg. Train anew$"):
        require_finite(embeddings, "Train anew", ["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
