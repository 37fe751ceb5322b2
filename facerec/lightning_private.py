"""The only place that overrides or uses private names of Lightning, each behind a public name of ours.

``tests/test_lightning_private.py`` lists them. It fails when Lightning renames one or changes its arguments, and when
another file of facerec starts to use one.
"""

from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Iterator
from subprocess import Popen
from typing import Any, NamedTuple

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from torch import Tensor


class ExtensibleCLI(LightningCLI):
    """LightningCLI whose steps between parsing and running can be overridden."""

    def merge_checkpoint(self) -> None:
        """Let the hyperparameters of the checkpoint in ``ckpt_path`` replace those of the configuration."""
        super()._parse_ckpt_path()

    def ordered_callbacks(self, configured: list[Callback], linked: list[Callback]) -> list[Callback]:
        """The callbacks of the trainer.

        Args:
            configured: those in ``trainer.callbacks``.
            linked: those added with ``add_lightning_class_args``.
        """
        return [*configured, *linked]

    def method_arguments(self, command: str) -> dict[str, Any]:
        """Arguments of ``Trainer.fit``, ``validate`` or ``test`` beside those that are settings."""
        return {}

    def _parse_ckpt_path(self) -> None:
        self.merge_checkpoint()

    def _instantiate_trainer(self, config: dict[str, Any], callbacks: list[Callback]) -> Trainer:
        configured = config.get("callbacks") or []
        configured = [configured] if isinstance(configured, Callback) else list(configured)
        config["callbacks"] = self.ordered_callbacks(configured, callbacks)
        return super()._instantiate_trainer(config, [])

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        return super()._prepare_subcommand_kwargs(subcommand) | self.method_arguments(subcommand)


class ExtensibleCheckpoint(ModelCheckpoint):
    """ModelCheckpoint that can save the last checkpoint at any time, and before it chooses the best."""

    def save_last_now(self, trainer: Trainer) -> None:
        """Save the present weights as the last checkpoint, unless this step is saved or nothing is to be saved."""
        if not self._should_skip_saving_checkpoint(trainer):
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))

    def before_choice(self, trainer: Trainer, measured: dict[str, Tensor]) -> None:
        """Called before the present weights are compared with the best.

        Args:
            trainer: that trains.
            measured: logged values by name.
        """

    def before_last_is_replaced(self, trainer: Trainer, path: str) -> None:
        """Called before a last checkpoint takes the place of the one before.

        Args:
            trainer: that trains.
            path: of the last checkpoint so far.
        """

    def know_best(self, scores: dict[str, Tensor]) -> None:
        """Take note of the best checkpoints that are there.

        Args:
            scores: score of each file, in the order in which they were written.
        """
        worst, best = (max, min) if self.mode == "min" else (min, max)
        self.best_k_models = dict(scores)
        if not scores:
            self.best_model_path, self.best_model_score = "", None
            return
        self.best_model_path = best(scores, key=lambda path: float(scores[path]))
        self.best_model_score = scores[self.best_model_path]
        if len(scores) == self.save_top_k:
            self.kth_best_model_path = worst(scores, key=lambda path: float(scores[path]))
            self.kth_value = scores[self.kth_best_model_path]

    def _save_last_checkpoint(self, trainer: Trainer, monitor_candidates: dict[str, Tensor]) -> None:
        if self.save_last and self.last_model_path:
            self.before_last_is_replaced(trainer, self.last_model_path)
        super()._save_last_checkpoint(trainer, monitor_candidates)

    def _save_topk_checkpoint(self, trainer: Trainer, monitor_candidates: dict[str, Tensor]) -> None:
        self.before_choice(trainer, monitor_candidates)
        super()._save_topk_checkpoint(trainer, monitor_candidates)


def is_in_training(module: LightningModule) -> bool:
    """Whether a trainer is fitting the module; ``module.trainer`` raises where there is no trainer."""
    trainer = module._trainer
    return trainer is not None and trainer.state.fn == "fit"


def actions_of(parser: ArgumentParser) -> list[Action]:
    """The options and arguments of a parser of argparse, from which Lightning's is derived."""
    return list(parser._actions)


class Setting(NamedTuple):
    """An option of a parser.

    Attributes:
        name: without the leading dashes.
        help: text that explains it.
        default: None where there is none.
    """

    name: str
    help: str
    default: Any


def settings_of(parser: LightningArgumentParser) -> Iterator[Setting]:
    """The settings of a parser, in its order, without those that print help or load a group from a file."""
    for action in actions_of(parser):
        names = [option.removeprefix("--") for option in action.option_strings if option.startswith("--")]
        if names and action.default != SUPPRESS:
            yield Setting(names[0], action.help or "", action.default)


def command_parsers(parser: LightningArgumentParser) -> dict[str, LightningArgumentParser]:
    """The parser of each command of a parser."""
    found: dict[str, LightningArgumentParser] = {}
    for action in actions_of(parser):
        if isinstance(action.choices, dict):
            found |= action.choices
    return found


def option_names(parser: LightningArgumentParser) -> Iterator[str]:
    """Options of a parser and of its subcommands, without the leading dashes."""
    for action in actions_of(parser):
        names = (option.removeprefix("--") for option in action.option_strings if option.startswith("--"))
        yield from (name for name in names if not name.endswith(".help"))
        if isinstance(action.choices, dict):
            for command in action.choices.values():
                yield from option_names(command)


def gradient_scale(trainer: Trainer) -> float | None:
    """The factor of the loss in ``16-mixed``; it falls when a step was skipped. None in another precision.

    A scaler has waited for a GPU in its step anyway.
    """
    scaler = loss_scaler(trainer)
    return None if scaler is None else float(scaler.get_scale())


def is_scaled(trainer: Trainer) -> bool:
    """Whether float16 gradients are scaled: then an infinite one lowers the scale, and its step is left out."""
    return loss_scaler(trainer) is not None


def loss_scaler(trainer: Trainer) -> Any:
    """What scales the loss of ``16-mixed``, and its gradients with it; None in another precision."""
    return getattr(trainer.precision_plugin, "scaler", None)


def started_processes(trainer: Trainer) -> list[Popen[bytes]]:
    """The other processes of this machine, where this one has started them."""
    return list(getattr(trainer.strategy.launcher, "procs", []))
