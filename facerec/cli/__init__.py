"""The command line. Kept light: torch is imported only when a command needs it.

:mod:`facerec.cli.status` says what the exit status of a command means.
"""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from io import TextIOWrapper

from facerec import __version__
from facerec.cli.messages import with_messages
from facerec.cli.status import Status
from facerec.memory import keep_freed_memory

TRAINER_COMMANDS = {
    "fit": "train; without --config, a small network on the ORL faces (2 to 3 minutes on 2 cores)",
    "validate": "measure a checkpoint on the validation people",
    "test": "measure a checkpoint on the test people, whom neither training nor the choice of checkpoint saw",
}
# Each is the module facerec.cli.<command>, whose main(arguments) returns the exit status.
TOOLS = {
    "align": "find the faces in a folder of images and align them to a template",
    "backbones": "list the networks: parameters, multiply-adds, speed on this machine",
    "check": "check that this machine computes right, and measure how fast it trains and what limits it",
    "compare": "print one table of runs: the settings that differ, and the results",
    "embed": "write the embeddings of images",
    "enroll": "add people to a gallery, from one folder of images for each person",
    "evaluate": "measure anyone's scores, embeddings or ONNX model, as `facerec test` measures a checkpoint",
    "export": "write a checkpoint as ONNX or .pt2, checked against PyTorch",
    "identify": "name the person in an image, from a gallery, or say that nobody in it corresponds",
    "inspect": "report on a folder of faces: people, sizes, broken files, duplicates, leaks; draw an augmentation",
    "pack": "decode a set of images once, into one file that training maps into memory",
    "plot": "draw figures for a report: training curves, ROC, t-SNE, margins, ...",
    "predict": "write a course's submission: scores of pairs, or classes of images",
    "report": "write one page about a run, or about two side by side, that opens without a network",
    "split": "divide a folder of people into lists for training, validation and test",
    "sweep": "try settings, each on several seeds and groups of validation people; report the best",
    "verify": "decide whether two images show the same person",
}
COMMANDS = TRAINER_COMMANDS | TOOLS
RESUMABLE = ("align", "inspect", "pack", "split", "sweep")

USAGE = f"""facerec {__version__}: train face recognition from scratch and measure it honestly

usage: facerec COMMAND [options]

{chr(10).join(f"  {command:<10} {purpose}" for command, purpose in COMMANDS.items())}

examples:
  facerec fit
  facerec fit --config experiments/resnet34_arcface.yaml --data.root DIR
  facerec fit --ckpt_path runs/NAME                      (resume the newest run of NAME)
  facerec test --ckpt_path runs/NAME                     (its best checkpoint)
  facerec verify A.jpg B.jpg --ckpt_path runs/NAME
  tensorboard --logdir runs

exit status: 0 done or yes, 1 no or some images left out, 2 error, 130 interrupted, 143 terminated

facerec COMMAND --help explains a command. --version prints the version.
--print_completion SHELL prints a script that completes commands and options in a shell."""


def main(args: Sequence[str] | None = None) -> None:
    """Run a command, as the ``facerec`` program does.

    Args:
        args: command and options; by default those of the process.

    Raises:
        SystemExit: with the status of :mod:`facerec.cli.status`, where it is not 0.
    """
    if args is None:  # the process is ours
        keep_freed_memory()
    command, *options = list(sys.argv[1:] if args is None else args) or ["--help"]
    _print_any_file_name()
    if command in ("-h", "--help"):
        print(USAGE)
    elif command == "--version":
        print(f"facerec {__version__}")
    elif command == "--print_completion":
        if status := with_messages(partial(_print_completion, options), "facerec"):
            raise SystemExit(status)
    elif status := _run(command, options):
        raise SystemExit(status)


def _print_any_file_name() -> None:
    """Let the name of a file be printed that is not UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")


def _run(command: str, options: list[str]) -> int:
    """Exit status of a command; its errors are printed."""
    if command not in COMMANDS:
        near = get_close_matches(command, COMMANDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(COMMANDS)}"
        print(f"facerec: no command {command!r}: {hint}", file=sys.stderr)
        return Status.ERROR
    return with_messages(
        partial(_call, command, options),
        f"facerec {command}",
        resumes=command in RESUMABLE,
        traces_mistakes=command in TRAINER_COMMANDS,
    )


def _call(command: str, options: list[str]) -> int:
    """Import the module of a command and run it."""
    if command in TRAINER_COMMANDS:
        from facerec.cli import training

        return training.main(command, options)
    status: int = import_module(f"facerec.cli.{command}").main(options)
    return status


def _print_completion(options: list[str]) -> int:
    from facerec.cli import completion

    return completion.main(options)
