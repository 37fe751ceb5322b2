"""What is read of the machine: cores, instructions and the environment that takes them away."""

import os

import pytest
import torch

from facerec.machine import hardware
from facerec.machine.hardware import fast_bfloat16, this_machine, usable_cores


@pytest.fixture
def processor(monkeypatch):
    """A processor with the given instructions."""

    def make(*, amx: bool = False, avx512_bf16: bool = False, vectors: str = "AVX512", onednn: bool = True) -> None:
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: vectors)
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: onednn)

    return make


@pytest.mark.parametrize(
    ("instructions", "environment", "expected"),
    [
        ({"amx": True, "avx512_bf16": True}, {}, "AMX"),
        ({"avx512_bf16": True}, {}, "AVX512-BF16"),
        ({}, {}, None),
        ({"amx": True, "avx512_bf16": True, "onednn": False}, {}, None),
        ({"avx512_bf16": True, "vectors": "AVX2"}, {}, "AVX512-BF16"),  # ATEN_CPU_CAPABILITY=avx2 alone is as fast
        ({"avx512_bf16": True, "vectors": "DEFAULT"}, {}, None),
        ({"amx": True, "avx512_bf16": True}, {"ONEDNN_MAX_CPU_ISA": "AVX2"}, None),
        ({"amx": True, "avx512_bf16": True}, {"ONEDNN_MAX_CPU_ISA": "avx512_core"}, None),
        ({"amx": True, "avx512_bf16": True}, {"DNNL_MAX_CPU_ISA": "AVX512_CORE_VNNI"}, None),
        ({"amx": True, "avx512_bf16": True}, {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}, "AVX512-BF16"),
        ({"amx": True, "avx512_bf16": True}, {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_AMX"}, "AMX"),
        ({"amx": True}, {"ONEDNN_MAX_CPU_ISA": "DEFAULT"}, "AMX"),
    ],
)
def test_fast_bfloat16(instructions, environment, expected, processor):
    processor(**instructions)
    assert fast_bfloat16(environment) == expected


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 6),
        ({"cpu.max": "max 100000\n"}, 6),
        ({"cpu.max": "250000 100000\n"}, 3),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "6400000 100000\n"}, 6),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 6),
        ({"cpu.max": "nonsense"}, 6),
    ],
)
def test_cores_are_those_of_the_affinity_and_the_quota(files, cores, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert usable_cores(tmp_path) == cores


def test_cores_where_the_system_has_no_affinity(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert usable_cores(tmp_path) == 4


def test_gpus_and_their_instructions(monkeypatch):
    class Properties:
        def __init__(self, name: str, major: int) -> None:
            self.name, self.major, self.total_memory = name, major, 2**34

    devices = [Properties("Tesla T4", 7), Properties("NVIDIA H100", 9)]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", devices.__getitem__)
    assert [(gpu.name, gpu.memory, gpu.has_bfloat16) for gpu in hardware._gpus()] == [
        ("Tesla T4", 2**34, False),
        ("NVIDIA H100", 2**34, True),
    ]


def test_the_machine_is_read_once():
    assert this_machine() is this_machine()
    assert this_machine().processor
