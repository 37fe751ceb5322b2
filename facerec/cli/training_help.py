"""The help of ``fit``, ``validate`` and ``test`` on a page: examples, our settings, then the trainer's most used ones.

The names, texts and defaults are those of the parser. ``--help_all`` prints the parser's own help.
"""

import re
import textwrap
from collections.abc import Iterable, Sequence

from facerec.cli import TRAINER_COMMANDS
from facerec.cli.command_parser import block, exit_status
from facerec.lightning_private import Setting

HELP_ALL = "--help_all"
EXAMPLES = {
    "fit": """\
facerec fit                                                          ORL faces, small network
facerec fit --config experiments/resnet34_arcface.yaml --data.root DIR
facerec fit --config CONFIG --model.loss CosFace --model.loss.cosine_margin 0.35 --trainer.max_epochs 40
facerec fit --ckpt_path runs/NAME                                    resume the newest run of NAME
facerec fit --config CONFIG --init_from runs/NAME                    new training from the weights of NAME""",
    "validate": """\
facerec validate --ckpt_path runs/NAME
facerec validate --ckpt_path runs/NAME --verification.calibrate_at 0.001 --verification.store true""",
    "test": """\
facerec test --ckpt_path runs/NAME
facerec test --ckpt_path runs/NAME --data.root OTHER
facerec test --ckpt_path runs/NAME --groups people.csv               error rates of each group too""",
}
NOTES = f"""\
Each setting is an option (--data.batch_size 64) and a YAML key (data: {{batch_size: 64}}). Put --config first: a later
option replaces an earlier one. --model.loss.help ArcFace lists the settings of ArcFace, {HELP_ALL} those of all.
--trust MODULE lets a checkpoint name classes of a module of your own. facerec imports no other for a checkpoint."""
RUN_HELP = {
    "fit": "checkpoint to resume from: a run (runs/NAME/version_N), an experiment (runs/NAME) or a file",
    "validate": "checkpoint to measure: a run (runs/NAME/version_N), an experiment (runs/NAME) or a file",
}
RUN_HELP["test"] = RUN_HELP["validate"]
CONFIG_HELP = {
    "fit": "YAML file of settings (default: the checkpoint's, else a small network on the ORL faces)",
    "validate": "YAML file of settings (default: the checkpoint's)",
}
CONFIG_HELP["test"] = CONFIG_HELP["validate"]
MEASURING = (
    "raw_weights",
    "verification.",
    "model.flip_test",
    "data.root",
    "data.layout",
    "data.eval_batch_size",
    "data.num_workers",
)
OURS = {
    "fit": (
        "seed_everything",
        "init_from",
        "model.",
        "data.",
        "checkpoint.",
        "average.",
        "verification.",
        "dashboard.",
    ),
    "validate": (*MEASURING, "data.val_pairs"),
    "test": (*MEASURING, "groups", "data.test_pairs"),
}
"""Settings of ours that are shown, by the beginnings of their names."""
PLACES = ("trainer.precision", "trainer.accelerator", "trainer.devices")
TRAINER = {
    "fit": (
        "trainer.max_epochs",
        "trainer.max_steps",
        *PLACES,
        "trainer.check_val_every_n_epoch",
        "trainer.accumulate_grad_batches",
        "trainer.gradient_clip_val",
        "trainer.callbacks",
        "trainer.fast_dev_run",
    ),
    "validate": PLACES,
    "test": PLACES,
}
"""Settings of Lightning's trainer that are shown."""
TEXTS = {"seed_everything": "seed of weights, of the order of the images and of augmentation; true draws one"}
"""In place of Lightning's."""
NAME_WIDTH = 38
WIDTH = 118


def short_help(command: str, settings: Iterable[Setting]) -> str:
    """The help on a page.

    Args:
        command: ``fit``, ``validate`` or ``test``.
        settings: all that the parser knows.

    Example:
        >>> print(short_help("test", [Setting("data.root", "your folder. It is expanded.", None)])[:40])
        usage: facerec test [options]
        <BLANKLINE>
        Measure a
    """
    known = {setting.name: setting for setting in settings}
    ours = [setting for name, setting in known.items() if name.startswith(OURS[command])]
    trainer = [known[name] for name in TRAINER[command] if name in known]
    others = sum(name.startswith("trainer.") for name in known) - len(trainer)
    purpose = TRAINER_COMMANDS[command]
    more = f"settings of Lightning's trainer, the most used ones; {HELP_ALL} has {others} more"
    parts = [
        f"usage: facerec {command} [options]",
        f"{purpose[0].upper()}{purpose[1:]}.",
        block("examples", EXAMPLES[command].splitlines()),
        block("options", _options(command)),
        block("settings", map(_line, ours)),
        block(more, map(_line, trainer)),
        NOTES,
        exit_status(),
    ]
    return "\n\n".join(parts) + "\n"


def _options(command: str) -> Sequence[str]:
    """Lines of what is no setting of a class."""
    return [
        _entry("-c, --config FILE", CONFIG_HELP[command]),
        _entry("--ckpt_path PATH", RUN_HELP[command]),
        _entry("--print_config", "print the effective settings as YAML, and exit"),
        _entry("-h, --help", "this page"),
        _entry(HELP_ALL, "every setting in full"),
    ]


def _line(setting: Setting) -> str:
    """A setting in a line: the first sentence of its help, and its default."""
    text = first_sentence(TEXTS.get(setting.name, setting.help))
    default = "" if setting.default in (None, "") else f" (default: {_yaml(setting.default)})"
    room = WIDTH - NAME_WIDTH - len(default)
    return _entry(f"--{setting.name}", f"{textwrap.shorten(text, room, placeholder=' ...')}{default}")


def first_sentence(text: str) -> str:
    """The first sentence of a documentation, without its markup.

    Example:
        >>> first_sentence("See :class:`facerec.data.ListPairs` or ``f_i . f_j``. It is more.")
        'See ListPairs or f_i . f_j'
    """
    sentence = re.split(r"\.\s+(?=[A-Z])", text.replace("\n", " "))[0]
    return re.sub(r":\w+:`~?[\w.]*?(\w+)`", r"\1", sentence).replace("``", "").rstrip(". ")


def _yaml(value: object) -> str:
    """A default as YAML has it."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_yaml, value))}]"
    if class_path := getattr(value, "class_path", None):
        return str(class_path).rpartition(".")[2]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _entry(name: str, text: str) -> str:
    return f"{name:<{NAME_WIDTH - 4}}  {text}"
