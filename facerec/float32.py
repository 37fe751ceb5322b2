"""Real float32: without TensorFloat32 or bfloat16 inside, which torch takes where a global setting allows it.

On a GPU of the Ampere generation or later cuDNN's convolutions compute in TensorFloat32 by default, with 10 bits in
place of 23. ``torch.set_float32_matmul_precision("medium")`` does the same to matrix products, with bfloat16 on a CPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

EXACT = "ieee"


@contextmanager
def real_float32() -> Iterator[None]:
    """Compute in real float32 inside the block, whatever the global settings, which are as before behind it.

    Example:
        >>> import torch
        >>> torch.set_float32_matmul_precision("high")
        >>> with real_float32():
        ...     torch.backends.cuda.matmul.fp32_precision
        'ieee'
        >>> torch.get_float32_matmul_precision()
        'high'
        >>> torch.set_float32_matmul_precision("highest")
    """
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):  # before torch 2.9
        with _legacy():
            yield
        return
    backends: Any = torch.backends
    operations = [backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.matmul, backends.mkldnn.conv]
    before = [operation.fp32_precision for operation in operations]
    try:
        for operation in operations:
            operation.fp32_precision = EXACT
        yield
    finally:
        for operation, precision in zip(operations, before, strict=True):
            operation.fp32_precision = precision


@contextmanager
def _legacy() -> Iterator[None]:
    matmul, convolution = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = convolution
