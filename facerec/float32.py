"""What float32 is: real, or with TensorFloat32 or bfloat16 inside, which torch takes where a global setting allows it.

On a GPU of the Ampere generation or later cuDNN's convolutions compute in TensorFloat32 by default, with 10 bits in
place of 23. ``torch.set_float32_matmul_precision("medium")`` does the same to matrix products, with bfloat16 on a CPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

EXACT, TF32 = "ieee", "tf32"


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
        with _legacy(tf32=False):
            yield
        return
    backends: Any = torch.backends
    operations = [backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.matmul, backends.mkldnn.conv]
    with _computing_in(EXACT, operations):
        yield


@contextmanager
def float32_of_gpus(*, tf32: bool) -> Iterator[None]:
    """Let GPUs compute float32 products and convolutions in TensorFloat32 inside the block, or in real float32.

    On CPUs the global settings hold.

    Args:
        tf32: whether to take TensorFloat32. GPUs before the Ampere generation have none, and compute in float32.

    Example:
        >>> import torch
        >>> with float32_of_gpus(tf32=True):
        ...     torch.backends.cudnn.conv.fp32_precision
        'tf32'
    """
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        with _legacy(tf32=tf32):
            yield
        return
    backends: Any = torch.backends
    with _computing_in(TF32 if tf32 else EXACT, [backends.cuda.matmul, backends.cudnn.conv]):
        yield


@contextmanager
def _computing_in(precision: str, operations: list[Any]) -> Iterator[None]:
    before = [operation.fp32_precision for operation in operations]
    try:
        for operation in operations:
            operation.fp32_precision = precision
        yield
    finally:
        for operation, previous in zip(operations, before, strict=True):
            operation.fp32_precision = previous


@contextmanager
def _legacy(*, tf32: bool) -> Iterator[None]:
    matmul, convolution = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = tf32
        yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = convolution
