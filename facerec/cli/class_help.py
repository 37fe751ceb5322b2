"""``--model.loss.help`` without a class: the classes that the setting may name, each in a line."""

import inspect
import re
import textwrap
from collections.abc import Sequence
from itertools import pairwise

from torch.optim import Optimizer

from facerec.cli.command_parser import block
from facerec.cli.setting_errors import FAMILIES, HOMES, classes_of
from facerec.cli.training_help import first_sentence

HELP = ".help"
OPTIMIZERS = "model.optimizer"
WIDTH = 118


def asked_for_classes(options: Sequence[str]) -> str | None:
    """The setting whose classes are asked for; None if there is none.

    Example:
        >>> asked_for_classes(["--model.loss.help"]), asked_for_classes(["--model.loss.help", "ArcFace"])
        ('model.loss', None)
    """
    for option, following in pairwise([*options, "--"]):
        setting = option.removeprefix("--").removesuffix(HELP)
        if option == f"--{setting}{HELP}" and setting in (*FAMILIES, OPTIMIZERS) and following.startswith("--"):
            return setting
    return None


def classes_page(command: str, setting: str) -> str:
    """The classes of a setting, with what each is.

    Example:
        >>> print(classes_page("fit", "model.schedule").splitlines()[0])
        facerec fit --model.schedule.help CLASS lists the settings of a class.
    """
    own = Optimizer if setting == OPTIMIZERS else FAMILIES[setting]
    home = HOMES.get(setting, "torch" if setting == OPTIMIZERS else "facerec")
    known = {one.__name__: one for one in classes_of(own) if _is_public(one, home)}
    width = max(map(len, known)) + 2
    lines = [f"{name:<{width}}{_first_sentence(known[name], WIDTH - width)}" for name in sorted(known)]
    more = "Any other class is named by its full path, such as timm.optim.Lamb." if setting == OPTIMIZERS else ""
    parts = [f"facerec {command} --{setting}{HELP} CLASS lists the settings of a class.", block("classes", lines), more]
    return "\n\n".join(filter(None, parts))


def _is_public(known: type[object], home: str) -> bool:
    return known.__module__.startswith(home) and not known.__name__.startswith("_")


def _first_sentence(known: type[object], room: int) -> str:
    """What a class is: the first line of its documentation."""
    line = next(iter((inspect.getdoc(known) or "").strip().splitlines()), "")
    line = first_sentence(re.sub(r",? https://\S+|^\[BETA\] ", "", line))
    return textwrap.shorten(line.rstrip(": "), room, placeholder=" ...")
