"""The own class of each image among some classes. A label of -1 is a class of another process.

Shapes: B batch, C classes.
"""

import torch
from torch import Tensor


def own_values(values_BC: Tensor, labels_B: Tensor) -> Tensor:
    """The value of the own class of each image (B,); 0 where that class is not among these.

    Example:
        >>> import torch
        >>> own_values(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1, -1]))
        tensor([2., 0.])
    """
    own_B = values_BC.gather(1, labels_B.clamp(min=0)[:, None]).squeeze(1)
    return torch.where(labels_B < 0, 0.0, own_B)


def leave_out_own_(values_BC: Tensor, labels_B: Tensor, lowest: float = -torch.inf) -> Tensor:
    """Give the own class of each image the lowest value, in place. Autograd follows.

    Example:
        >>> import torch
        >>> leave_out_own_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1, -1]))
        tensor([[1., -inf],
                [3., 4.]])
    """
    # a sum, because autograd would keep the values for what reads or replaces them
    added_B = torch.zeros_like(labels_B, dtype=values_BC.dtype).masked_fill_(labels_B >= 0, lowest)
    return values_BC.scatter_add_(1, labels_B.clamp(min=0)[:, None], added_B[:, None])
