"""``facerec fit``, ``validate`` and ``test``: LightningCLI with our model, data and habits."""

import inspect
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from facerec import backbones as backbones  # imported so that YAML may name their classes without a module path
from facerec import losses as losses
from facerec.callbacks import (
    AlignmentCheck,
    BestCheckpoint,
    DevAccuracy,
    FoldedEvaluation,
    Report,
    StepSeed,
    Throughput,
    Verification,
    VerificationFigures,
)
from facerec.callbacks.evaluation import recognizer_of
from facerec.checkpoints import read_card
from facerec.cli.machine_settings import choose_for_machine
from facerec.cli.parser import FaceArgumentParser
from facerec.cli.trainer import FaceTrainer
from facerec.data import FaceDataModule
from facerec.recognizer import FaceRecognizer
from facerec.settings import flatten

DEFAULT_CONFIG = Path(__file__).parents[1] / "default.yaml"
DEFAULT_NAME = "orl_resnet18_arcface"
HARMLESS_WARNINGS = (
    "LightningCLI's args parameter is intended",  # we pass the arguments on purpose
    ".*isinstance.treespec, LeafSpec.* is deprecated",  # inside Lightning
    "Precision bf16-mixed is not supported by the model summary",
    "The '.*_dataloader' does not have many workers",
    "The number of training batches .* is smaller than the logging interval",
)
EXTENSIONS = ("callbacks", "logger", "plugins", "profiler", "strategy")  # of a trainer, by classes that it builds
SOURCES = ("train", "dev", "val_pairs", "test_pairs")


class SaveConfig(SaveConfigCallback):
    """Keeps the effective configuration: beside the run, as text in TensorBoard, and in every checkpoint."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save the file of a training; an evaluation leaves the training's own file alone."""
        if trainer.state.fn == "fit":
            super().setup(trainer, pl_module, stage)

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Add it to TensorBoard, and print where the run is kept."""
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                text = "\n".join(f"    {line}" for line in self._yaml.splitlines())  # Markdown code
                logger.experiment.add_text("config", text)
                # Not trainer.log_dir: it asks the other processes, and only the first one is here.
                rank_zero_info(f"This run is kept in {logger.log_dir}")

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put it into the model card, as text."""
        recognizer = recognizer_of(pl_module)
        recognizer.card = replace(recognizer.card, configuration=self._yaml)

    @cached_property
    def _yaml(self) -> str:
        return str(self.parser.dump(self.config, skip_unset=False))


class FaceCLI(LightningCLI):
    """LightningCLI for a FaceRecognizer on a FaceDataModule.

    Args:
        experiment: name of the folder under ``runs/``.
        args: command and options.
    """

    def __init__(self, experiment: str, args: list[str]) -> None:
        self.experiment = experiment
        self.arguments = args
        super().__init__(
            FaceRecognizer,
            FaceDataModule,
            trainer_class=FaceTrainer,
            args=args,
            save_config_callback=SaveConfig,
            save_config_kwargs={"overwrite": True},
            seed_everything_default=0,
            parser_class=FaceArgumentParser,
            parser_kwargs={"allow_abbrev": False},
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
        parser.link_arguments("data.num_classes", "model.num_classes", apply_on="instantiate")
        parser.link_arguments("model.image_size", "data.image_size")
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)

    def _parse_ckpt_path(self) -> None:
        """Lightning lets the checkpoint's hyperparameters win over the configuration; say so for each of them."""
        self._link_image_size()
        before = flatten(self._settings().get("model"))
        super()._parse_ckpt_path()
        if self.config.subcommand != "fit" and _given(self.arguments, "model.flip_test"):
            self._settings().model.flip_test = before["flip_test"]  # a choice of the measurement, not of the training
        after = flatten(self._settings().get("model"))
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) != after.get(key) and key != "num_classes":
                rank_zero_warn(
                    f"the checkpoint overrides model.{key}: {before.get(key)!r} becomes {after.get(key)!r}. A "
                    "checkpoint keeps the hyperparameters it was trained with; to change them, train anew"
                )

    def _link_image_size(self) -> None:
        """Let a backbone that was given no size of its own follow ``model.image_size``; many have no such setting.

        A size of its own that differs stays, and FaceRecognizer refuses it where it matters.
        """
        model = self._settings().model
        arguments = model.backbone.get("init_args") or {}
        own, default = arguments.get("image_size"), get_default(model.backbone.class_path, "image_size")
        if own is not None and default is not None and tuple(own) == tuple(default):
            arguments["image_size"] = model.image_size

    def _settings(self) -> Any:
        return self.config[self.config.subcommand]

    def before_instantiate_classes(self) -> None:
        """Let ``--data.root`` on the command line take the place of sources that a file or checkpoint names.

        Raises:
            ValueError: for an evaluation without a checkpoint, which would measure random weights, or for a threshold
                to be stored that is one of other views or of some of the pairs.
        """
        if self.config.subcommand != "fit" and not self._settings().get("ckpt_path"):
            raise ValueError(f"facerec {self.config.subcommand} measures a checkpoint: give --ckpt_path FILE")
        if self.config.subcommand != "fit" and not _given(self.arguments, "trainer.precision"):
            self._settings().trainer.precision = "32-true"  # as every use of the checkpoint computes
        if self._settings().verification.store and _given(self.arguments, "model.flip_test"):
            raise ValueError(
                "--verification.store would keep a threshold of other views than the checkpoint uses: leave "
                "--model.flip_test out"
            )
        if self._settings().verification.store and self.config.subcommand == "validate":
            refuse_limits(self._settings().trainer)
        data = self._settings().data
        if data.root is not None and _given(self.arguments, "data.root"):
            replaced = [
                name for name in SOURCES if data.get(name) is not None and not _given(self.arguments, f"data.{name}")
            ]
            for name in replaced:
                data[name] = None
            if replaced:
                rank_zero_info(f"--data.root {data.root} takes the place of data.{', data.'.join(replaced)}")
        choose_for_machine(self._settings())

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add our callbacks and, unless another is set, a TensorBoard logger under ``runs/<experiment>``."""
        trainer = self._get(self.config_init, "trainer")
        if trainer.get("logger") in (None, True):
            run = self._measured_run()
            kwargs["logger"] = (
                TensorBoardLogger("runs", name=self.experiment)
                if run is None
                else TensorBoardLogger(str(run.parents[1]), name=run.parent.name, version=run.name)
            )
        return super().instantiate_trainer(**kwargs)

    def _instantiate_trainer(self, config: dict[str, Any], callbacks: list[Callback]) -> Trainer:
        # Before the user's callbacks and the checkpoint: they may monitor what ours log.
        verification = [callback for callback in callbacks if isinstance(callback, Verification)]
        others = [callback for callback in callbacks if not isinstance(callback, Verification)]
        own = [
            StepSeed(),
            AlignmentCheck(),
            FoldedEvaluation(),
            DevAccuracy(),
            *verification,
            VerificationFigures(),
            Throughput(),
            Report(),
        ]
        given = config.get("callbacks") or []
        config["callbacks"] = own + ([given] if isinstance(given, Callback) else list(given))
        return super()._instantiate_trainer(config, others)

    def _measured_run(self) -> Path | None:
        """The run that a measured checkpoint is from: what an evaluation finds is kept with it. None if from no run."""
        checkpoint = self._settings().get("ckpt_path")
        if self.subcommand == "fit" or not checkpoint:
            return None
        path = Path(checkpoint).resolve()
        run = path.parents[1]
        is_run = run.name.startswith("version_") or (run / "config.yaml").is_file()
        if path.parent.name != "checkpoints" or not is_run:
            return None
        relative = Path(os.path.relpath(run))
        return run if ".." in relative.parts or len(relative.parts) < 3 else relative

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        """Lightning's own table would come beside ours."""
        extra = {} if subcommand == "fit" else {"verbose": False}
        return super()._prepare_subcommand_kwargs(subcommand) | extra


def run(arguments: Sequence[str]) -> None:
    """Run ``fit``, ``validate`` or ``test``.

    Without ``--config``, the settings come from the checkpoint, if one is given, or from the embedded default.

    Raises:
        SystemExit: with status 1 and a message, for data or settings that cannot be used.
    """
    arguments = [_long_form(argument) for argument in arguments]
    asks_help = any(argument in ("-h", "--help") for argument in arguments)
    config, checkpoint = _value_of(arguments, "config"), _value_of(arguments, "ckpt_path")
    experiment = config_name(config) if config else DEFAULT_NAME
    if config is None and not asks_help:
        if checkpoint is not None:
            settings, experiment = from_checkpoint(checkpoint, arguments[0]), run_name(checkpoint)
            rank_zero_info(f"No --config: the settings of {checkpoint}")
        else:
            settings = DEFAULT_CONFIG.read_text(encoding="utf-8")
            rank_zero_info("No --config: the embedded default, as in experiments/orl_resnet18_arcface.yaml")
        arguments[1:1] = ["--config", settings]
    for harmless in HARMLESS_WARNINGS:
        warnings.filterwarnings("ignore", message=harmless)
    try:
        FaceCLI(experiment, arguments)
    except (ValueError, FileNotFoundError, PermissionError, MisconfigurationException) as error:
        if os.environ.get("FACEREC_TRACEBACK"):
            raise
        print(f"facerec: {error}\n(FACEREC_TRACEBACK=1 shows where)", file=sys.stderr)
        raise SystemExit(1) from error


def from_checkpoint(path: str, command: str) -> str:
    """The configuration (YAML) that a checkpoint was trained with.

    To go on training takes all of it. A measurement leaves out what the trainer was extended with: it is not needed,
    and a checkpoint of someone else's could name any class there.

    Raises:
        SystemExit: with status 1, if there is no such checkpoint or it holds no configuration.
    """
    try:
        configuration = read_card(path).configuration
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(f"facerec: {error}") from error
    if configuration is None:
        raise SystemExit(f"facerec: {path} was not written by `facerec fit`: give the --config it was trained with")
    settings = yaml.safe_load(configuration)
    for belongs_to_the_run in ("ckpt_path", "weights_only"):
        settings.pop(belongs_to_the_run, None)
    if command != "fit":
        settings["trainer"] = _without_extensions(settings.get("trainer") or {})
    return yaml.safe_dump(settings, sort_keys=False)


def _without_extensions(trainer: dict[str, Any]) -> dict[str, Any]:
    """Settings of a trainer without those that name classes; ``logger: false`` and ``accelerator: cpu`` name none."""
    accelerator = str(trainer.get("accelerator"))
    extended = {name for name in EXTENSIONS if not isinstance(trainer.get(name), bool)}
    extended |= set() if accelerator.isidentifier() else {"accelerator"}
    return {name: value for name, value in trainer.items() if name not in extended}


def config_name(config: str) -> str:
    """Name of the experiment a configuration is of: the file's, or the run's for a run's own ``config.yaml``."""
    path = Path(config).resolve()
    return path.parents[1].name if path.parent.name.startswith("version_") else path.stem


def run_name(checkpoint: str) -> str:
    """Name of the experiment a checkpoint is from: ``runs/<name>/version_N/checkpoints/x.ckpt``, else the file's."""
    path = Path(checkpoint)
    return path.parents[2].name if path.parent.name == "checkpoints" and len(path.parents) > 3 else path.stem


def _long_form(argument: str) -> str:
    """``-c FILE``, ``-c=FILE`` and ``-cFILE`` as ``--config``: the only short option beside ``-h``."""
    if argument == "-c":
        return "--config"
    return f"--config={argument[2:].removeprefix('=')}" if argument.startswith("-c") else argument


def refuse_limits(trainer: Any) -> None:
    """Refuse settings of a trainer that validate on some of the pairs, where their threshold is to be stored.

    Raises:
        ValueError: naming the setting.
    """
    limit = trainer.get("limit_val_batches")
    every_batch = limit is None or (isinstance(limit, float) and limit == 1.0)  # 1 is one batch
    limits = ["limit_val_batches"] if not every_batch else []
    limits += [name for name in ("fast_dev_run", "overfit_batches") if trainer.get(name)]
    if limits:
        raise ValueError(
            f"--verification.store would keep a threshold of some of the pairs: leave --trainer.{limits[0]} out"
        )


def _given(arguments: Sequence[str], key: str) -> bool:
    """Whether a setting, or a part of it, is on the command line."""
    return any(argument == f"--{key}" or argument.startswith((f"--{key}=", f"--{key}.")) for argument in arguments)


def _value_of(arguments: Sequence[str], key: str) -> str | None:
    """Value of ``--key VALUE`` or ``--key=VALUE``, the first one."""
    for position, argument in enumerate(arguments):
        if argument == f"--{key}" and position + 1 < len(arguments):
            return arguments[position + 1]
        if argument.startswith(f"--{key}="):
            return argument.partition("=")[2]
    return None


def get_default(class_path: str, name: str) -> Any:
    """Default of a setting of a class; None where it has no such setting."""
    module, _, class_name = class_path.rpartition(".")
    parameter = inspect.signature(getattr(import_module(module), class_name)).parameters.get(name)
    return None if parameter is None or parameter.default is parameter.empty else parameter.default
