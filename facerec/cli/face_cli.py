"""The LightningCLI of ``facerec fit``, ``validate`` and ``test``: with our model, data, callbacks and habits."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import LightningArgumentParser

from facerec import backbones as backbones  # imported so that YAML may name their classes without a module path
from facerec import losses as losses
from facerec.backbones.base import weights_come_later
from facerec.callbacks import (
    AlignmentCheck,
    BestCheckpoint,
    CollapseCheck,
    DevAccuracy,
    FiniteSteps,
    FoldedEvaluation,
    HardClassMining,
    HParams,
    Interruption,
    LongRunNotice,
    Norms,
    Report,
    RunSummary,
    StepSeed,
    Surroundings,
    Throughput,
    Verification,
    VerificationFigures,
    WeightAverage,
)
from facerec.checkpoints import load_checkpoint, require_training_state
from facerec.cli.arguments import given, value_of
from facerec.cli.cpu_advice import cpu_advice
from facerec.cli.failed_start import FailedStart
from facerec.cli.machine_settings import choose_for_machine
from facerec.cli.measuring import check_stored_threshold, compute_in_float32, groups_for, require_checkpoint
from facerec.cli.precedence import replace_sources, require_same_loss, warn_of_overridden
from facerec.cli.resuming import Resumption, checkpoint_of
from facerec.cli.runs import RUNS, chosen_checkpoint, run_logger, run_of
from facerec.cli.saved_settings import SaveConfig
from facerec.cli.setting_errors import own_message
from facerec.cli.starting_weights import check_raw_weights, start_from
from facerec.cli.trainable import check_trainable
from facerec.cli.trainer import FaceTrainer
from facerec.cli.training_help import HELP_ALL
from facerec.cli.training_parser import FaceArgumentParser, add_own_settings, parser_settings
from facerec.data import FaceDataModule
from facerec.inference.loading import check_description
from facerec.lightning_private import ExtensibleCLI
from facerec.recognizer import FaceRecognizer
from facerec.reports.groups import Groups
from facerec.settings import flatten


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
        self.groups: Groups | None = None
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
        add_own_settings(parser)
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
            check_raw_weights(settings)
            if settings.init_from and not settings.get("ckpt_path"):
                settings.init_from = chosen_checkpoint(settings.init_from, option="--init_from")
        else:
            require_checkpoint(command, settings)
            compute_in_float32(settings, self.arguments)
        self.groups = groups_for(command, settings)
        if settings.verification.store:
            check_stored_threshold(command, settings, self.arguments)
        replace_sources(settings.data, self.arguments)
        choose_for_machine(settings)

    def instantiate_classes(self) -> None:
        """Build the model. One whose weights are in a checkpoint needs none to start from; a new one may take some."""
        with weights_come_later() if self._settings().get("ckpt_path") else nullcontext():
            try:
                super().instantiate_classes()
            except ValueError as error:
                raise ValueError(own_message(str(error))) from error
        settings = self._settings()
        if self.config.subcommand == "fit" and settings.init_from and not settings.get("ckpt_path"):
            people, raw = self.datamodule.identities, settings.raw_weights
            start_from(self.model, settings.init_from, people, self.trust, raw_weights=raw)
        self.model.takes_raw_weights = self.config.subcommand != "fit" and settings.raw_weights

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add a TensorBoard logger, unless another is set: of a new run, or of the run of the checkpoint."""
        trainer = self.config_init[self.subcommand].trainer
        if trainer.get("logger") in (None, True):
            checkpoint, resumed = self._settings().get("ckpt_path"), self.resumption
            run = run_of(checkpoint) if checkpoint else None
            step = resumed.next_logged_step if resumed else None
            kwargs["logger"] = run_logger(self.experiment, run, step, str(trainer.get("default_root_dir") or RUNS))
            self.watched = [FailedStart(kwargs["logger"])] if self.subcommand == "fit" and run is None else []
        return super().instantiate_trainer(**kwargs)

    def ordered_callbacks(self, configured: list[Callback], linked: list[Callback]) -> list[Callback]:
        """Ours come before the user's and the checkpoint, which may monitor what ours log."""
        placed = (Verification, FiniteSteps, WeightAverage)
        verification, finite, average = ([each for each in linked if isinstance(each, kind)] for kind in placed)
        if self._settings().trainer.enable_checkpointing is False:
            linked = [callback for callback in linked if not isinstance(callback, BestCheckpoint)]
        others = [callback for callback in linked if not isinstance(callback, placed)]
        own = [
            *self.watched,
            *finite,
            Interruption(),
            StepSeed(),
            HardClassMining(),
            AlignmentCheck(),
            FoldedEvaluation(),
            DevAccuracy(),
            *verification,
            *average,
            CollapseCheck(),
            Surroundings(),
            VerificationFigures(),
            Norms(),
            Throughput(),
            LongRunNotice(cpu_advice(value_of(self.arguments, "config"))),
            Report(self.groups),
            RunSummary(),
            HParams(),
        ]
        return [*own, *configured, *others]

    def method_arguments(self, command: str) -> dict[str, Any]:
        """No table of Lightning's beside ours."""
        return {} if command == "fit" else {"verbose": False}
