"""What a GPU would be asked to do: launches, copies from the host, and waits, counted without a GPU.

Tensors of torch's device ``meta`` stand for those of a GPU. They have shapes and types, but no values, so the code
takes the branches of a device that is not the CPU. Every operator on such a tensor passes through the mode below.

Example:
    >>> import torch
    >>> x = torch.zeros(4, 3, device="meta")
    >>> with Launches() as launches:
    ...     total = (2.0 * x).sum()
    ...     print(bool(total > 0))
    True
    >>> launches.total, dict(launches.operators)
    (3, {'mul': 1, 'sum': 1, 'gt': 1})
    >>> sum(launches.waits.values()), sum(launches.copies.values())
    (1, 0)
"""

import sys
from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

DEVICE = torch.device("meta")

# What gives a Python value, or a shape that depends on values: the host waits until the device has computed it.
VALUE_READS = {
    "_local_scalar_dense", "nonzero", "masked_select", "_unique", "_unique2", "unique_dim", "unique_consecutive",
    "bincount", "equal", "allclose", "is_nonzero", "histc",
}  # fmt: skip
COPIES = {"_to_copy", "copy_"}
NO_KERNEL = {
    "_unsafe_view",
    "_reshape_alias",
    "lift_fresh",
    "resize_",
    "set_",
    "unsqueeze_",
    "squeeze_",
    "transpose_",
    "t_",
}


class Launches(TorchDispatchMode):
    """Counts what runs inside a ``with`` block on tensors of the device ``meta``, the backward pass included.

    The count is of operators. It is an estimate of kernels: some operators launch two, and compiled code fuses many.
    Where a value is read, it is read from a tensor of ones, so the code goes on. Pinned memory is not seen.

    Attributes:
        operators: number of launches of each operator. Views and empty tensors launch nothing.
        waits: number of times that the host waits for the device, by operator and place in facerec: values that are
            read, shapes that depend on values, and copies to or from the device that are not ``non_blocking``.
        copies: number of copies from the host to the device that do not wait, by operator and place.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operators: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()
        self.copies: Counter[str] = Counter()
        self._constants = _Constants(self.waits)

    @property
    def total(self) -> int:
        """Number of launches."""
        return self.operators.total()

    def __enter__(self) -> "Launches":
        """Begin to count."""
        super().__enter__()
        self._constants.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Stop counting."""
        self._constants.__exit__(*error)
        super().__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count an operator, then compute it."""
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        inputs = _tensors((args, kwargs))
        if _reads_values(name, args, kwargs):
            if name != "_local_scalar_dense":  # that is a copy of one number
                self.operators[name] += 1
            self.waits[f"{name}, {_place()}"] += 1
            out = tree_map_only(Tensor, lambda tensor: tensor.to(DEVICE), func(*_ones(args), **_ones(kwargs)))
            return args[0] if name.endswith("_") else out
        if name in COPIES and _to_host(args, kwargs):
            self.waits[f"copy to the host, {_place()}"] += 1
            if name == "copy_":
                return args[0].fill_(1)
            return func(*_ones(args), **kwargs)
        out = func(*args, **kwargs)
        outputs = _tensors(out)
        if not any(map(_on_device, outputs)):
            return out
        if any(not _on_device(tensor) and tensor.dim() for tensor in inputs):
            waits = not (kwargs.get("non_blocking") or (name == "copy_" and len(args) > 2 and args[2]))
            (self.waits if waits else self.copies)[f"{name} from the host, {_place()}"] += 1
        if not (func.is_view or name in NO_KERNEL or "empty" in name):
            self.operators[name] += 1
        return out


class _Constants(TorchFunctionMode):
    """Counts ``torch.tensor(numbers, device=...)`` and ``x[[0, 1]]``: they copy from memory that is not pinned."""

    def __init__(self, waits: Counter[str]) -> None:
        super().__init__()
        self.waits = waits

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        lists = name in ("__getitem__", "__setitem__") and _on_device(args[0]) and _has_list(args[1])
        if lists or (name in ("tensor", "new_tensor") and _on_device(out)):
            self.waits[f"{name} from the host, {_place()}"] += 1
        return out


def _has_list(places: Any) -> bool:
    return any(isinstance(place, list) for place in (places if isinstance(places, tuple) else (places,)))


def _on_device(value: Any) -> bool:
    return isinstance(value, Tensor) and value.device == DEVICE


def _tensors(values: Any) -> list[Tensor]:
    found: list[Tensor] = []
    tree_map_only(Tensor, found.append, values)
    return found


def _reads_values(name: str, args: Any, kwargs: Any) -> bool:
    """Whether an operator of the device needs values on the host."""
    if not any(map(_on_device, _tensors((args, kwargs)))):
        return False
    if name in ("index", "index_put", "index_put_"):
        by_mask = any(place is not None and place.dtype in (torch.bool, torch.uint8) for place in args[1])
        return by_mask and (name == "index" or args[2].numel() != 1)  # one number is filled in everywhere
    if name == "repeat_interleave":
        return kwargs.get("output_size") is None
    return name in VALUE_READS


def _to_host(args: Any, kwargs: Any) -> bool:
    """Whether a copy leads from the device to the host."""
    if len(args) > 1 and isinstance(args[1], Tensor):  # copy_(to, from)
        return _on_device(args[1]) and not _on_device(args[0])
    target = kwargs.get("device")
    return _on_device(args[0]) and target is not None and torch.device(target) != DEVICE


def _ones(values: Any) -> Any:
    """The same arguments on the host, with ones for the values that there are not."""
    return tree_map_only(Tensor, lambda x: torch.ones(x.shape, dtype=x.dtype) if _on_device(x) else x, values)


def _place() -> str:
    """File and line in facerec that asks for the operator."""
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename.replace("\\", "/")
        if "/facerec/" in path and "site-packages" not in path:
            return f"{path.rsplit('/facerec/', 1)[1]}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "outside facerec"
