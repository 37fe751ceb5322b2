"""Freed memory stays where a program asks for that."""

import os
import platform
import subprocess
import sys

import pytest

from facerec import cli

FAULTS = """
import resource, torch
from facerec.memory import keep_freed_memory
print(keep_freed_memory() if {keep} else False)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def block():
    torch.empty(64 << 20, dtype=torch.uint8).fill_(1)
for _ in range(12):  # the first ones still find their places
    block()
before = faults()
for _ in range(8):
    block()
print(faults() - before)
"""


def run(keep, **environment):
    done = subprocess.run(
        [sys.executable, "-c", FAULTS.format(keep=keep)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    kept, faults = done.stdout.split()
    return kept == "True", int(faults)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_blocks_are_used_again():
    pages = 8 * (64 << 20) // os.sysconf("SC_PAGESIZE")
    kept, faults = run(keep=True)
    assert kept
    assert faults < pages / 100
    assert run(keep=False) == (False, pytest.approx(pages, rel=0.5))


def test_what_the_user_set_stays():
    assert not run(keep=True, MALLOC_TRIM_THRESHOLD_="131072")[0]


@pytest.mark.parametrize("is_program", [True, False])
def test_a_program_asks_for_it_and_a_call_from_python_does_not(is_program, monkeypatch):
    asked = []
    monkeypatch.setattr(cli, "keep_freed_memory", lambda: asked.append(True))
    monkeypatch.setattr(sys, "argv", ["facerec", "--version"])
    cli.main(None if is_program else ["--version"])
    assert bool(asked) == is_program
