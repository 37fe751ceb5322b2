"""Compiled training: ``torch.compile`` translates the backbone, in place, and the loss."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import nn

COMPILERS = {"darwin": ("clang++",), "win32": ("cl",)}
USUAL = ("g++",)
BACKEND = "inductor"  # of torch.compile


def compile_backbone(backbone: nn.Module) -> None:
    """Let a backbone run compiled from its next call on, one graph for a shape of images. Names of weights stay.

    Batches of a training have one shape. A mode of frozen parts, or another size, compiles once more.

    Args:
        backbone: changed in place. A copy of it is not compiled.

    Raises:
        ValueError: if this machine has no C++ compiler, which torch needs.

    Example:
        >>> from facerec.backbones import LeNet
        >>> backbone = LeNet(embedding_dim=4)
        >>> names = list(backbone.state_dict())
        >>> compile_backbone(backbone)
        >>> list(backbone.state_dict()) == names
        True
    """
    require_compiler()
    backbone.compile(dynamic=False, backend=BACKEND)


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is compiled for each object and shape that it is called with.

    Args:
        function: without closure, such as a method of a class; the object is its first argument.
    """
    return torch.compile(function, dynamic=False, backend=BACKEND)


@contextmanager
def uncompiled(is_compiled: bool) -> Iterator[None]:
    """Run modules as they are inside the block, though they are compiled.

    Args:
        is_compiled: whether there is anything to avoid.

    Example:
        >>> with uncompiled(True):
        ...     torch.compile(torch.sin)(torch.zeros(1))
        tensor([0.])
    """
    if not is_compiled or torch.compiler.is_compiling():
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def require_compiler() -> None:
    """Refuse to compile where no C++ compiler is found.

    Raises:
        ValueError: naming the setting and what to install.

    Example:
        >>> import os
        >>> os.environ["CXX"] = "no-such-compiler"
        >>> require_compiler()
        Traceback (most recent call last):
        ValueError: model.compile=true needs a C++ compiler, and no-such-compiler is not found. Install one ...
        >>> del os.environ["CXX"]
    """
    given = os.environ.get("CXX")
    names = (given.split()[0],) if given and given.strip() else COMPILERS.get(sys.platform, USUAL)
    if not any(map(shutil.which, names)):
        raise ValueError(
            f"model.compile=true needs a C++ compiler, and {names[0]} is not found. Install one (on Debian and Ubuntu "
            "the package g++), name it in the environment variable CXX, or leave model.compile out"
        )
