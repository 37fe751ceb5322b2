"""Matrix products that can round their factors to bfloat16. Sums and results stay float32.

Shapes: B batch, D embedding dimension, C classes, K sub-centers of a class, R = C * K weight rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from facerec.losses.functional.vectors import directions

MatmulPrecision = Literal["float32", "bfloat16"]
"""Rounding of the factors of a matrix product; see ``product``."""


@contextmanager
def factors_in(precision: MatmulPrecision) -> Iterator[None]:
    """Let float32 products on the CPU round their factors to bfloat16, if it has instructions for that (AMX).

    On other CPUs the products stay float32. The alternative, bfloat16 tensors, would round the results too: a logit
    near 64 by up to 0.13.
    """
    if precision == "float32":
        yield
        return
    if hasattr(torch.backends.mkldnn, "matmul"):
        settings = torch.backends.mkldnn.matmul
        before = settings.fp32_precision
        settings.fp32_precision = "bf16"
        try:
            yield
        finally:
            settings.fp32_precision = before
        return
    precision_before = torch.get_float32_matmul_precision()  # torch before 2.9
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision_before)


def multiply(a_MK: Tensor, b_KN: Tensor, precision: MatmulPrecision) -> Tensor:
    """The product (M, N) of float32 matrices, without gradient.

    On the CPU, call it inside ``factors_in`` with the same precision.
    """
    if precision == "float32" or a_MK.device.type != "cuda":
        return torch.mm(a_MK, b_KN)
    a_MK, b_KN = a_MK.to(torch.bfloat16), b_KN.to(torch.bfloat16)
    product_MN: Tensor = torch.mm(a_MK, b_KN, out_dtype=torch.float32)  # type: ignore[call-overload,unused-ignore]
    return product_MN


class _RoundedProduct(torch.autograd.Function):
    """a @ b with bfloat16 factors in the product and in both of its gradients."""

    @staticmethod
    def forward(ctx: Any, a_MK: Tensor, b_KN: Tensor) -> Tensor:
        ctx.save_for_backward(a_MK, b_KN)
        with factors_in("bfloat16"):
            return multiply(a_MK, b_KN, "bfloat16")

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_MN: Tensor) -> tuple[Tensor, Tensor]:
        a_MK, b_KN = ctx.saved_tensors
        with factors_in("bfloat16"):
            return multiply(grad_MN, b_KN.T, "bfloat16"), multiply(a_MK.T, grad_MN, "bfloat16")


def product(a_MK: Tensor, b_KN: Tensor, precision: MatmulPrecision) -> Tensor:
    """The product (M, N) of matrices (M, K) and (K, N), with gradients.

    Args:
        a_MK: first factor.
        b_KN: second factor.
        precision: "bfloat16" rounds float32 factors, here and in both gradients, on GPUs and on CPUs with instructions
            for it. float64 is never rounded.

    Example:
        >>> import torch
        >>> product(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0]]), "bfloat16")
        tensor([[11.]])
    """
    if precision == "float32" or a_MK.dtype == torch.float64:
        return a_MK @ b_KN
    result_MN: Tensor = _RoundedProduct.apply(a_MK, b_KN)
    return result_MN


def class_products(features_BD: Tensor, weight_RD: Tensor, subcenters: int, precision: MatmulPrecision) -> Tensor:
    """Products <x_i, w_j / |w_j|> with all classes (B, C), with the nearest of the sub-centers of a class.

    Args:
        features_BD: x (B, D).
        weight_RD: class weights (C * K, D), of any length.
        subcenters: weight rows K of each class.
        precision: of ``product``.

    Example:
        >>> import torch
        >>> class_products(torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 2.0]]), 1, "float32")
        tensor([[0.6000, 0.0000]])
    """
    product_BR = product(features_BD, directions(weight_RD).T, precision)
    return product_BR if subcenters == 1 else product_BR.view(len(product_BR), -1, subcenters).amax(2)
