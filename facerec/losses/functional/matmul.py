"""Matrix products that may round their factors to bfloat16, while sums and results stay float32."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

MatmulPrecision = Literal["float32", "bfloat16"]


@contextmanager
def factors_in(precision: MatmulPrecision) -> Iterator[None]:
    """Let float32 products of the CPU round their factors to bfloat16, where it has instructions for that (AMX).

    Elsewhere on the CPU the products stay float32. The alternative, bfloat16 tensors, would round the results too: a
    logit near 64 by up to 0.13.
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
    """The product (M, N) of float32 matrices, without gradient; on the CPU inside ``factors_in`` the same precision."""
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
    """The product (M, N) with gradients, its factors rounded as asked. float64 is never rounded."""
    if precision == "float32" or a_MK.dtype == torch.float64:
        return a_MK @ b_KN
    result_MN: Tensor = _RoundedProduct.apply(a_MK, b_KN)
    return result_MN
