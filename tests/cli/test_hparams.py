"""TensorBoard's HParams tab, asked through TensorBoard's own plugin: a line for each run, sorted by its EER."""

import pytest
import torch
from google.protobuf import text_format
from tensorboard import context
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

from tests.cli.conftest import best_file, events, last, run
from tests.conftest import SMALL

NAME = "orl_resnet18_arcface"
COSFACE = ['--model.loss={"class_path": "CosFace", "init_args": {"scale": 16.0, "cosine_margin": 0.2}}']


class Tab:
    """What the tab shows of a folder of runs."""

    def __init__(self, folder: str) -> None:
        multiplexer = EventMultiplexer().AddRunsFromDirectory(folder)
        multiplexer.Reload()
        provider = MultiplexerDataProvider(multiplexer, folder)
        self.backend = backend_context.Context(base_plugin.TBContext(data_provider=provider))
        self.ctx = context.RequestContext()
        self.sessions = self.backend.hparams_metadata(self.ctx, "")
        found = self.backend.hparams_from_data_provider(self.ctx, "", limit=None)
        self.experiment = self.backend.experiment_from_metadata(self.ctx, "", True, self.sessions, found)

    @property
    def columns(self) -> dict[str, bool]:
        """Settings, and whether they differ."""
        return {each.name: each.differs for each in self.experiment.hparam_infos}

    @property
    def metrics(self) -> set[str]:
        return {each.name.tag for each in self.experiment.metric_infos}

    def lines(self, *metrics: str) -> list[tuple[dict, list[float | None]]]:
        """Settings and metrics of each run, by the first metric."""
        wanted = " ".join(f'col_params {{ metric {{ tag: "{tag}" }} order: ORDER_ASC }}' for tag in metrics)
        text = f"start_index: 0 slice_size: 9 allowed_statuses: [STATUS_SUCCESS, STATUS_UNKNOWN] {wanted}"
        request = text_format.Parse(text, api_pb2.ListSessionGroupsRequest(include_metrics=True))
        found = list_session_groups.Handler(
            request_context=self.ctx, backend_context=self.backend, experiment_id="", request=request
        ).run()
        return [
            (
                {name: value.number_value or value.string_value for name, value in group.hparams.items()},
                [next((m.value for m in group.metric_values if m.name.tag == tag), None) for tag in metrics],
            )
            for group in found.session_groups
        ]


def test_runs_are_lines_with_the_settings_of_all_of_them_sorted_by_their_eer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = [*SMALL, "--checkpoint.candidates_after=0"]
    assert run("fit", *options) == 0
    assert run("fit", *options, *COSFACE, "--average.kind=ema", "--average.decay=0.5") == 0
    tab = Tab("runs")
    assert list(tab.sessions) == [f"{NAME}/version_0", f"{NAME}/version_1"]
    assert not list(tmp_path.glob("runs/*/*/*/events*"))  # no run within a run
    assert {"verdict/eer", "verdict/accuracy", "verdict/minutes", "val/eer"} <= tab.metrics
    assert "hp_metric" not in tab.metrics
    differ = {name for name, differs in tab.columns.items() if differs}
    assert {"model.loss", "average.decay"} <= differ
    assert {
        "average.kind",
        "model.loss.angular_margin",
        "model.loss.cosine_margin",
        "data.augment.rotation",
    } <= tab.columns.keys()
    lines = tab.lines("verdict/eer", "verdict/accuracy", "verdict/minutes")
    rates = [values[0] for _, values in lines]
    assert rates == sorted(rates)
    by_loss = {settings["model.loss"]: (settings, values) for settings, values in lines}
    for version, loss, monitor in ((0, "ArcFace", "val/eer"), (1, "CosFace", "val_ema/eer")):
        settings, (rate, accuracy, minutes) = by_loss[loss]
        folder = tmp_path / "runs" / NAME / f"version_{version}"
        [choice] = [state for state in last(folder)["callbacks"].values() if "best_model_score" in state]
        assert choice["monitor"] == monitor
        assert rate == pytest.approx(float(choice["best_model_score"]))
        stage = monitor.partition("/")[0]
        known = {event.step: event.value for event in events(folder).Scalars(f"{stage}/accuracy")}
        chosen = torch.load(best_file(folder), weights_only=True)
        assert accuracy == pytest.approx(known[chosen["global_step"] - 1])
        assert 0.0 < minutes < 5.0
        assert settings["model.optimizer.lr"] == 0.05
        assert settings["trainer.max_epochs"] == 2
        assert settings["model.backbone"] == "ResNet"


def test_a_resumed_run_stays_one_line_and_a_test_adds_its_eer(run_copy):
    assert run("fit", "--ckpt_path", run_copy, "--trainer.max_epochs=3") == 0
    assert run("test", "--ckpt_path", run_copy) == 0
    tab = Tab("runs")
    assert len(tab.sessions) == 1
    [(settings, (rate, tested))] = tab.lines("verdict/eer", "verdict/test/eer")
    assert settings["trainer.max_epochs"] == 2  # as it began
    assert rate is not None
    assert tested == pytest.approx(events(run_copy).Scalars("verdict/test/eer")[-1].value)


def test_without_a_logger_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("fit", *SMALL, "--trainer.max_epochs=1", "--trainer.logger=false") == 0
    assert not list(tmp_path.rglob("events*"))
