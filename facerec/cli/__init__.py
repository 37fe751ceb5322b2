"""The command line. Kept light: torch is imported only when a command needs it."""

import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

from facerec import __version__
from facerec.memory import keep_freed_memory

TRAINER_COMMANDS = {
    "fit": "train; without --config, the embedded default (ORL faces, about 3 minutes on 2 cores)",
    "validate": "measure a checkpoint on the validation people",
    "test": "measure a checkpoint on the test people, whom training and the choice of checkpoint never saw",
}
# Each is the module facerec.cli.<command>, whose main(arguments) returns the exit status.
TOOLS = {
    "align": "find the faces of a folder and bring them to a template (112x112 or 96x112)",
    "backbones": "list the networks: parameters, multiply-adds, speed on this machine",
    "compare": "one table of runs: the settings that differ, and what each gave",
    "embed": "write embeddings of images",
    "enroll": "make people known: one folder of images for each",
    "export": "write a checkpoint as ONNX or .pt2, checked against PyTorch",
    "identify": "who of the enrolled people is it, if anyone?",
    "inspect": "what a folder of faces holds: people, sizes, broken files, duplicates, leaks; draw an augmentation",
    "pack": "decode all images of a set once, into one file that training maps into memory",
    "predict": "write a course's submission: scores of pairs, or classes of images",
    "split": "divide a folder of people into lists to train on, to validate on and to test on",
    "verify": "do two images show one person?",
}
COMMANDS = TRAINER_COMMANDS | TOOLS

USAGE = f"""facerec {__version__}: train face recognition from scratch and measure it honestly

usage: facerec COMMAND [options]

{chr(10).join(f"  {command:<10} {purpose}" for command, purpose in COMMANDS.items())}

examples:
  facerec fit
  facerec fit --config experiments/resnet34_arcface.yaml --data.root DIR
  facerec fit --config CONFIG --ckpt_path runs/NAME/version_0/checkpoints/last.ckpt      (resume)
  facerec test --ckpt_path runs/NAME/version_0/checkpoints/last.ckpt [--data.root OTHER]
  tensorboard --logdir runs

facerec COMMAND --help lists every setting. --version prints the version."""


def main(args: Sequence[str] | None = None) -> None:
    """Run a command, as the ``facerec`` program does.

    Args:
        args: command and options; by default those of the process.

    Raises:
        SystemExit: with status 2 for a command or option that does not exist, 1 for data that cannot be used.
    """
    if args is None:  # the process is ours
        keep_freed_memory()
    arguments = list(sys.argv[1:] if args is None else args)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")  # a file's name may be no UTF-8, and is told all the same
    command = arguments[0] if arguments else "--help"
    if command in ("-h", "--help"):
        print(USAGE)
    elif command == "--version":
        print(f"facerec {__version__}")
    elif command in TRAINER_COMMANDS:
        from facerec.cli.training import run

        run(arguments)
    elif command in TOOLS:
        status: int = import_module(f"facerec.cli.{command}").main(arguments[1:])
        if status:
            raise SystemExit(status)
    else:
        from difflib import get_close_matches

        near = get_close_matches(command, COMMANDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(COMMANDS)}"
        print(f"facerec: no command {command!r}: {hint}", file=sys.stderr)
        raise SystemExit(2)
