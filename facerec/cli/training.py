"""``facerec fit``, ``validate`` and ``test``: LightningCLI with our model, data and habits."""

import sys
import warnings
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import LightningArgumentParser
from lightning.pytorch.utilities import rank_zero_info, rank_zero_only, rank_zero_warn
from lightning.pytorch.utilities.exceptions import SIGTERMException

from facerec import backbones as backbones  # imported so that YAML may name their classes without a module path
from facerec import losses as losses
from facerec.backbones.base import weights_come_later
from facerec.callbacks import (
    AlignmentCheck,
    BestCheckpoint,
    CollapseCheck,
    DevAccuracy,
    EarlyAverages,
    FiniteSteps,
    FoldedEvaluation,
    Interruption,
    LongRunNotice,
    Report,
    RunSummary,
    StepSeed,
    Throughput,
    Verification,
    VerificationFigures,
)
from facerec.checkpoints import load_checkpoint, require_training_state
from facerec.cli.arguments import given, long_form, value_of, values_of, with_value, without
from facerec.cli.config_files import check_config
from facerec.cli.cpu_advice import cpu_advice
from facerec.cli.failed_start import FailedStart
from facerec.cli.machine_settings import choose_for_machine
from facerec.cli.measuring import check_stored_threshold, compute_in_float32, require_checkpoint
from facerec.cli.messages import short_warnings
from facerec.cli.notices import own_notices
from facerec.cli.resuming import Resumption, TrainingFinishedError, checkpoint_to_resume
from facerec.cli.runs import chosen_checkpoint, config_name, run_logger, run_name, run_of
from facerec.cli.saved_settings import SaveConfig, from_checkpoint
from facerec.cli.starting_weights import check_init_from, start_from
from facerec.cli.status import Status
from facerec.cli.trainable import check_trainable
from facerec.cli.trainer import FaceTrainer
from facerec.cli.training_help import HELP_ALL
from facerec.cli.training_parser import FaceArgumentParser, parser_settings
from facerec.data import FaceDataModule
from facerec.inference.loading import check_description
from facerec.lightning_private import ExtensibleCLI
from facerec.recognizer import FaceRecognizer
from facerec.settings import flatten

DEFAULT_CONFIG = Path(__file__).parents[1] / "default.yaml"
DEFAULT_NAME = "orl_resnet18_arcface"
HARMLESS_WARNINGS = (
    "LightningCLI's args parameter is intended",  # we pass the arguments on purpose
    ".*isinstance.treespec, LeafSpec.* is deprecated",  # inside Lightning
    "The '.*_dataloader' does not have many workers",
    "Checkpoint directory .* exists and is not empty",  # of a resumed run, which we say ourselves
    "The number of training batches .* is smaller than the logging interval",
    "Total length of `list` across ranks is zero",  # a validation of nothing, which we say ourselves
)
INIT_FROM_HELP = "run, experiment or checkpoint whose fitting weights a new training starts from"
SOURCES = ("train", "dev", "val_pairs", "test_pairs")


class FaceCLI(ExtensibleCLI):
    """LightningCLI for a FaceRecognizer on a FaceDataModule.

    Args:
        experiment: name of the folder under ``runs/``.
        args: command and options.
        trust: modules whose classes a checkpoint may name.
    """

    def __init__(self, experiment: str, args: list[str], trust: list[str]) -> None:
        self.experiment = experiment
        self.resumption: Resumption | None = None
        self.trust = trust
        self.arguments = args
        self.watched: list[FailedStart] = []
        FaceArgumentParser.arguments = args
        super().__init__(
            FaceRecognizer,
            FaceDataModule,
            trainer_class=FaceTrainer,
            args=["--help" if argument == HELP_ALL else argument for argument in args],
            save_config_callback=SaveConfig,
            save_config_kwargs={"overwrite": True},
            seed_everything_default=0,
            parser_class=FaceArgumentParser,
            parser_kwargs=parser_settings(),
            auto_configure_optimizers=False,
        )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """The commands, and the arguments of the trainer's methods that are not settings."""
        return {
            "fit": {"model", "train_dataloaders", "val_dataloaders", "datamodule"},
            "validate": {"model", "dataloaders", "datamodule", "verbose"},
            "test": {"model", "dataloaders", "datamodule", "verbose"},
        }

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Links between settings, and the settings of the checkpoint."""
        parser.add_lightning_class_args(BestCheckpoint, "checkpoint")
        parser.add_lightning_class_args(Verification, "verification")
        parser.add_lightning_class_args(FiniteSteps, "finite")
        parser.add_argument("--init_from", type=str | None, default=None, help=INIT_FROM_HELP)
        parser.link_arguments("data.num_classes", "model.num_classes", apply_on="instantiate")
        parser.link_arguments("model.image_size", "data.image_size")
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)

    def merge_checkpoint(self) -> None:
        """Let the checkpoint's hyperparameters win over the configuration, as Lightning does, and say where they do."""
        settings, resumes = self._settings(), self.config.subcommand == "fit"
        if settings.get("ckpt_path"):  # of a configuration file; that of the command line is a file already
            path = checkpoint_of(str(settings.ckpt_path), self.config.subcommand, self.experiment)
            settings.ckpt_path = path
            if Path(path).is_file():
                checkpoint = load_checkpoint(path)
                require_training_state(checkpoint, path, resumes=resumes)
                check_description(checkpoint, path, self.trust, to_train=True)
        before = flatten(settings.get("model"))
        super().merge_checkpoint()
        if self.config.subcommand != "fit" and given(self.arguments, "model.flip_test"):
            self._settings().model.flip_test = before["flip_test"]  # a choice of the measurement, not of the training
        after = flatten(self._settings().get("model"))
        if resumes and given(self.arguments, "model.loss"):
            require_same_loss(before, after)
        warn_of_overridden(before, after)

    def _settings(self) -> Any:
        return self.config[self.config.subcommand]

    def before_instantiate_classes(self) -> None:
        """Check the settings against each other, and complete them.

        Raises:
            ValueError: for a measurement without a checkpoint, or a threshold to be stored that would not be the
                checkpoint's own.
        """
        command, settings = self.config.subcommand, self._settings()
        if command == "fit" and settings.get("ckpt_path"):
            self.resumption = Resumption(settings.ckpt_path)
            self.resumption.require_unfinished(settings.trainer)
            self.resumption.warn_of_superseded()
        if command == "fit":
            check_trainable(settings)
            if settings.init_from and not settings.get("ckpt_path"):
                settings.init_from = chosen_checkpoint(settings.init_from, option="--init_from")
        else:
            require_checkpoint(command, settings)
            compute_in_float32(settings, self.arguments)
        if settings.verification.store:
            check_stored_threshold(command, settings, self.arguments)
        replace_sources(settings.data, self.arguments)
        choose_for_machine(settings)

    def instantiate_classes(self) -> None:
        """Build the model. One whose weights are in a checkpoint needs none to start from; a new one may take some."""
        with weights_come_later() if self._settings().get("ckpt_path") else nullcontext():
            super().instantiate_classes()
        settings = self._settings()
        if self.config.subcommand == "fit" and settings.init_from and not settings.get("ckpt_path"):
            start_from(self.model, settings.init_from, self.datamodule.identities, self.trust)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add a TensorBoard logger, unless another is set: of a new run, or of the run of the checkpoint."""
        trainer = self.config_init[self.subcommand].trainer
        if trainer.get("logger") in (None, True):
            checkpoint, resumed = self._settings().get("ckpt_path"), self.resumption
            run = run_of(checkpoint) if checkpoint else None
            kwargs["logger"] = run_logger(self.experiment, run, resumed.next_logged_step if resumed else None)
            self.watched = [FailedStart(kwargs["logger"])] if self.subcommand == "fit" and run is None else []
        return super().instantiate_trainer(**kwargs)

    def ordered_callbacks(self, configured: list[Callback], linked: list[Callback]) -> list[Callback]:
        """Ours come before the user's and the checkpoint, which may monitor what ours log."""
        verification = [callback for callback in linked if isinstance(callback, Verification)]
        finite = [callback for callback in linked if isinstance(callback, FiniteSteps)]
        if self._settings().trainer.enable_checkpointing is False:
            linked = [callback for callback in linked if not isinstance(callback, BestCheckpoint)]
        others = [callback for callback in linked if not isinstance(callback, (FiniteSteps, Verification))]
        own = [
            *self.watched,
            *finite,
            Interruption(),
            EarlyAverages(),
            StepSeed(),
            AlignmentCheck(),
            FoldedEvaluation(),
            DevAccuracy(),
            *verification,
            CollapseCheck(),
            VerificationFigures(),
            Throughput(),
            LongRunNotice(cpu_advice(value_of(self.arguments, "config"))),
            Report(),
            RunSummary(),
        ]
        return [*own, *configured, *others]

    def method_arguments(self, command: str) -> dict[str, Any]:
        """No table of Lightning's beside ours."""
        return {} if command == "fit" else {"verbose": False}


def main(command: str, options: list[str]) -> Status:
    """Run ``fit``, ``validate`` or ``test``.

    Without ``--config``, the settings come from the checkpoint, if one is given, or from the embedded default.

    Args:
        command: one of the three.
        options: see ``facerec fit --help``.

    Returns:
        DONE, or TERMINATED if SIGTERM ended a training.

    Raises:
        ValueError: for data or settings that cannot be used.
        FileNotFoundError: for a file that does not exist.
        KeyboardInterrupt: if the user interrupts a training.
    """
    options = [long_form(option) for option in options]
    check_init_from(command, options)
    for config in values_of(options, "config"):
        check_config(config)
    experiment = next(map(config_name, values_of(options, "config")), None)
    options = with_value(options, "ckpt_path", partial(checkpoint_of, command=command, experiment=experiment))
    trust, options = values_of(options, "trust"), without(options, "trust")
    configuration, name = _configuration(command, options, trust)
    for harmless in HARMLESS_WARNINGS:
        warnings.filterwarnings("ignore", message=harmless)
    try:
        with own_notices(), short_warnings():  # again: Lightning has put its own format above ours
            FaceCLI(name, [command, *configuration, *options], trust)
    except MisconfigurationException as error:
        raise ValueError(str(error)) from error
    except TrainingFinishedError as finished:
        rank_zero_only(print)(f"facerec {command}: {finished}", file=sys.stderr)
    except SIGTERMException:
        rank_zero_only(print)(f"facerec {command}: terminated", file=sys.stderr)
        return Status.TERMINATED
    except SystemExit as stopped:
        if isinstance(stopped.__context__, KeyboardInterrupt):  # Lightning has stopped the training, and exits
            raise stopped.__context__ from None
        raise
    return Status.DONE


def checkpoint_of(path: str, command: str, experiment: str | None) -> str:
    """The checkpoint file that ``--ckpt_path`` means to a command."""
    return checkpoint_to_resume(path, experiment) if command == "fit" else chosen_checkpoint(path)


def _configuration(command: str, options: list[str], trust: list[str]) -> tuple[list[str], str]:
    """Options that stand for a ``--config`` that is not given, and the name of the experiment."""
    config, checkpoint = value_of(options, "config"), value_of(options, "ckpt_path")
    if config is not None:
        return [], config_name(config)
    if {"-h", "--help", HELP_ALL} & set(options):
        return [], DEFAULT_NAME
    if checkpoint is not None:
        settings, experiment = from_checkpoint(checkpoint, command, trust), run_name(checkpoint)
        rank_zero_info(f"No --config: the settings of {checkpoint}")
    else:
        settings, experiment = DEFAULT_CONFIG.read_text(encoding="utf-8"), DEFAULT_NAME
        rank_zero_info(f"No --config: the embedded default, as in experiments/{DEFAULT_NAME}.yaml")
    return ["--config", settings], experiment


def replace_sources(data: Any, arguments: list[str]) -> None:
    """Let ``--data.root`` on the command line take the place of sources that a file or checkpoint names."""
    if data.root is None or not given(arguments, "data.root"):
        return
    replaced = [name for name in SOURCES if data.get(name) is not None and not given(arguments, f"data.{name}")]
    for name in replaced:
        data[name] = None
    if replaced:
        rank_zero_info(f"--data.root {data.root} replaces data.{', data.'.join(replaced)}")


def require_same_loss(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Refuse to go on with a training under another loss: its class is part of what the checkpoint keeps.

    Raises:
        ValueError: naming both losses.
    """
    asked, kept = before.get("loss.class_path"), after.get("loss.class_path")
    if asked != kept:
        raise ValueError(
            f"--model.loss {asked}: --ckpt_path goes on with {kept}, the loss of the checkpoint. To train its network "
            "with another loss, start a new training with --init_from in place of --ckpt_path"
        )


def warn_of_overridden(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Warn of each setting of the model that the checkpoint has changed."""
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key) and key != "num_classes":
            rank_zero_warn(
                f"the checkpoint overrides model.{key}: {before.get(key)!r} becomes {after.get(key)!r}. A checkpoint "
                "keeps the hyperparameters of its training: to change them, start a new training with --init_from"
            )
