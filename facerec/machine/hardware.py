"""The machine at hand, as far as choices depend on it. It is read once."""

import math
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

CGROUPS = Path("/sys/fs/cgroup")
SHARED_MEMORY = Path("/dev/shm")
# Values of ONEDNN_MAX_CPU_ISA that keep oneDNN from the processor's bfloat16 instructions
WITHOUT_BFLOAT16 = {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI"}
WITHOUT_AMX = {*WITHOUT_BFLOAT16, "AVX512_CORE_BF16", "AVX512_CORE_FP16", "AVX10_1_512"}


@dataclass(frozen=True)
class Gpu:
    """A CUDA device.

    Attributes:
        name: as its driver says.
        memory: bytes in all.
        has_bfloat16: whether it has bfloat16 instructions. Older devices emulate them, slowly.

    Example:
        >>> Gpu("A100", memory=40 * 2**30, has_bfloat16=True).name
        'A100'
    """

    name: str
    memory: int
    has_bfloat16: bool


@dataclass(frozen=True)
class Machine:
    """What choices depend on.

    Attributes:
        processor: name of the processor.
        cores: cores that this process may use.
        bfloat16: the processor's instructions that make bfloat16 faster than float32, ``AMX`` or ``AVX512-BF16``. None
            without such instructions, or if the environment switches them off.
        gpus: CUDA devices, in torch's order.
        has_mps: whether there is an Apple GPU.
        shared_memory: free bytes in which workers pass batches on; None where there is no such limit.

    Example:
        >>> laptop = Machine(processor="a laptop", cores=4)
        >>> laptop.bfloat16 is None, laptop.gpus
        (True, ())
    """

    processor: str = "unknown"
    cores: int = 1
    bfloat16: str | None = None
    gpus: tuple[Gpu, ...] = ()
    has_mps: bool = False
    shared_memory: int | None = None


@cache
def this_machine() -> Machine:
    """The machine at hand, read once in a process.

    Example:
        >>> this_machine().cores >= 1
        True
    """
    return Machine(
        processor=_processor(),
        cores=usable_cores(),
        bfloat16=fast_bfloat16(os.environ),
        gpus=_gpus(),
        has_mps=torch.backends.mps.is_available(),
        shared_memory=shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else None,
    )


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]  # compiled code does not ask for it again
def memory_of_gpu(device: torch.device) -> int | None:
    """Bytes of a CUDA device in all; None for any other device.

    Example:
        >>> import torch
        >>> print(memory_of_gpu(torch.device("cpu")))
        None
    """
    gpus = this_machine().gpus
    if device.type != "cuda" or not gpus:
        return None
    return gpus[torch.cuda.current_device() if device.index is None else device.index].memory


def usable_cores(cgroups: Path = CGROUPS) -> int:
    """Number of cores that this process may use: its affinity, and the quota of its container if there is one.

    Args:
        cgroups: where the system keeps the quota.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroups)
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def _quota(cgroups: Path) -> float | None:
    """Cores in the quota of a container, None without one. Docker and Kubernetes set it, as ``--cpus 2``."""
    try:
        if (cgroups / "cpu.max").is_file():  # version 2
            quota, period = (cgroups / "cpu.max").read_text().split()
        else:
            quota, period = ((cgroups / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # no container, or "max"
        return None


def available_memory() -> int | None:
    """Bytes that this process may still take without swapping; None where the system does not say.

    Example:
        >>> memory = available_memory()
        >>> memory is None or memory > 0
        True
    """
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        [available] = [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    except (OSError, ValueError):
        if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
            return None
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2  # the other half is taken, we suppose
    try:
        limit, used = (int((CGROUPS / f"memory.{name}").read_text()) for name in ("max", "current"))
    except (OSError, ValueError):  # no container, or "max"
        return available
    return min(available, max(0, limit - used))


def fast_bfloat16(environment: Mapping[str, str]) -> str | None:
    """The processor's instructions that make bfloat16 faster than float32: ``AMX``, ``AVX512-BF16`` or None.

    ``torch.ops.mkldnn._is_mkldnn_bf16_supported()`` says only that bfloat16 works: also where oneDNN emulates it with
    AVX-512, which takes twice the time of float32 (benchmarks/README.md).

    Args:
        environment: variables of the process. ``ONEDNN_MAX_CPU_ISA`` limits the instructions that oneDNN uses, and so
            convolutions and matrix products. ``ATEN_CPU_CAPABILITY=default`` takes torch's own vector instructions
            away; AVX2 is enough for them.
    """
    limit = environment.get("ONEDNN_MAX_CPU_ISA", environment.get("DNNL_MAX_CPU_ISA", "")).upper()
    has_vectors = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    if not has_vectors or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return None
    if torch.cpu._is_amx_tile_supported() and limit not in WITHOUT_AMX:
        return "AMX"
    if torch.cpu._is_avx512_bf16_supported() and limit not in WITHOUT_BFLOAT16:
        return "AVX512-BF16"
    return None


def _gpus() -> tuple[Gpu, ...]:
    found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    is_amd = torch.version.hip is not None  # as torch.cuda.is_bf16_supported(including_emulation=False) decides
    return tuple(Gpu(gpu.name, gpu.total_memory, has_bfloat16=is_amd or gpu.major >= 8) for gpu in found)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
