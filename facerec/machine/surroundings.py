"""What a result depends on beside its settings: versions, processor, devices, and the state of the code."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from facerec.machine.hardware import Machine

PACKAGES = ("facerec", "torch", "torchvision", "lightning", "timm", "numpy")
SECONDS = 10  # that git may take


def surroundings(machine: Machine) -> dict[str, str]:
    """Versions, processor, devices and commit by name, as texts for people.

    Example:
        >>> told = surroundings(Machine(processor="a laptop", cores=4))
        >>> told["processor"], "torch" in told
        ('a laptop, 4 cores', True)
    """
    told = {"Python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}
    told |= {"system": platform.platform(), "processor": f"{machine.processor}, {machine.cores} cores"}
    if machine.gpus:
        told["GPUs"] = ", ".join(gpu.name for gpu in machine.gpus)
    return told | {"git commit": code_state(Path(__file__).parent)}


def code_state(folder: Path) -> str:
    """The commit that a folder's files are of, and whether they were changed since.

    Args:
        folder: of the code.

    Example:
        >>> code_state(Path("/"))
        'none: the code is in no git repository'
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return "none: the code is in no git repository"
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    return f"{commit}, with changes that are not committed" if changed else commit


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _git(folder: Path, *arguments: str) -> str:
    """What git prints; empty where it fails, or is not there."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
