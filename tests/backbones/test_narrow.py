"""Narrow networks get right gradients on every processor."""

import copy
import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from facerec.backbones import ResNet
from facerec.backbones.narrow import guard_narrow_convolutions
from tests.backbones.narrow_gradients import WIDTHS, trained_by_the_recognizer, trained_in_a_plain_loop

AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}


@pytest.mark.parametrize(("threads", "images"), [("1", "4"), ("2", "5")])
@pytest.mark.parametrize("processor", [{}, AVX2], ids=["this processor", "AVX2"])
def test_gradients_of_narrow_networks_are_right_with_the_channels_innermost(processor, threads, images) -> None:
    """Without the guard, oneDNN of torch 2.14.1 gives wrong gradients or aborts: with AVX-512, for an odd batch."""
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.backbones.narrow_gradients", images],
        env={
            **os.environ,
            **processor,
            "OMP_NUM_THREADS": threads,
            "PYTHONPATH": path,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 2 * len(WIDTHS)


@pytest.mark.parametrize("size", [(16, 16), (15, 17), (1, 1)])
@pytest.mark.parametrize("stride", [2, 3, (2, 1)])
def test_a_guarded_convolution_gives_the_same(stride: int | tuple[int, int], size: tuple[int, int]) -> None:
    conv = nn.Conv2d(4, 9, 1, stride)
    plain = copy.deepcopy(conv)
    guard_narrow_convolutions(conv)
    guard_narrow_convolutions(conv)
    images = torch.randn(2, 4, *size)
    assert conv.stride == (1, 1)
    torch.testing.assert_close(copy.deepcopy(conv)(images), plain(images))
    assert conv.state_dict().keys() == plain.state_dict().keys()


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(16, 4, 1, 2),
        nn.Conv2d(4, 8, 3, 2, 1),
        nn.Conv2d(4, 8, 1, 1),
        nn.Conv2d(4, 8, 1, 2, groups=2),
        nn.Conv2d(4, 8, 1, 2, padding=1),
    ],
    ids=str,
)
def test_other_convolutions_stay(conv: nn.Conv2d) -> None:
    stride = conv.stride
    guard_narrow_convolutions(conv)
    assert conv.stride == stride
    assert not conv._forward_pre_hooks


@pytest.mark.parametrize("make", [trained_by_the_recognizer, trained_in_a_plain_loop])
def test_both_ways_to_train_are_guarded(make) -> None:
    strided = [m for m in make(4).modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1) and m.stride[0] > 1]
    assert all(conv.in_channels >= 16 for conv in strided)


def test_a_guarded_network_exports() -> None:
    network = ResNet(18, 16, width=4).eval()
    images = torch.randn(2, 3, 32, 32)
    program = torch.export.export(network, (images,))
    torch.testing.assert_close(program.module()(images), network(images), rtol=1e-4, atol=1e-5)
