"""The one check of embeddings that every room makes."""

from collections.abc import Sequence

import torch
from torch import Tensor


def require_finite(embeddings_ND: Tensor, way_out: str = "", names: Sequence[str] | None = None) -> None:
    """Refuse embeddings that contain NaN or inf: no score with them means anything.

    Args:
        embeddings_ND: embeddings (N, D).
        way_out: what the user can do, a sentence.
        names: names of the N images, for the message.

    Raises:
        ValueError: with the count of such embeddings, the name of the first, and the way out.

    Example:
        >>> require_finite(torch.tensor([[1.0, 0.0], [float("nan"), 0.0]]), "Train with a lower learning rate")
        Traceback (most recent call last):
        ValueError: embeddings contain NaN or inf: 1 of 2. Train with a lower learning rate
    """
    broken = torch.nonzero(~embeddings_ND.isfinite().all(dim=1))[:, 0].tolist()
    if broken:
        first = f", the first of {names[broken[0]]}" if names is not None else ""
        advice = f". {way_out}" if way_out else ""
        raise ValueError(f"embeddings contain NaN or inf: {len(broken)} of {len(embeddings_ND)}{first}{advice}")
