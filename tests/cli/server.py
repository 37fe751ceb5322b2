"""Commands in processes of their own that start at once: they are forked from one that has imported torch."""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

from lightning.pytorch import Callback

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["facerec.cli.training", "tensorboard.compat.proto", "torch.utils.tensorboard"])


def run_apart(folder: Path, *arguments: object, callbacks: Sequence[Callback] = (), timeout: float = 120.0) -> int:
    """Exit status of a command; minus the signal that killed it. What it prints goes to ``out.txt`` in its folder."""
    process = CONTEXT.Process(target=_run, args=(folder, [str(argument) for argument in arguments], list(callbacks)))
    process.start()
    assert process.pid is not None
    ends = time.monotonic() + timeout
    while _is_running(process.pid):
        time.sleep(0.02)
        if time.monotonic() > ends:
            os.killpg(process.pid, signal.SIGKILL)
            raise TimeoutError((folder / "out.txt").read_text())
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the workers of a killed process, which would hold the pipe to it
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _run(folder: Path, arguments: list[str], callbacks: list[Callback]) -> None:
    os.chdir(folder)
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    out = os.open("out.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    import torch

    from facerec.cli import main, training

    torch.set_num_threads(1)
    ordered = training.FaceCLI.ordered_callbacks
    training.FaceCLI.ordered_callbacks = lambda self, *given: [*callbacks, *ordered(self, *given)]  # type: ignore[method-assign]
    main(arguments)
