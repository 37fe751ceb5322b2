"""The study of a sweep: nothing is trained twice, lost, or trained by two at a time, whatever is killed."""

import subprocess
import sys
import textwrap

import pytest
from optuna.trial import TrialState

from facerec.sweeps.plan import runs_left, seconds_left
from facerec.sweeps.process import StoppedEarly
from facerec.sweeps.study import Study
from facerec.sweeps.training import RepeatFailedError
from facerec.sweeps.trials import best_of
from facerec.sweeps.work import SweepWork
from tests.sweeps.conftest import RATE, SCALE, Trainings, sweep_of


def quiet(line):
    pass


def test_a_grid_trains_every_value_on_every_repeat_once(tmp_path):
    study, trainings = Study(tmp_path, sweep_of()), Trainings()
    lines = []
    SweepWork(study, lines.append, trainings).run()
    repeats = ("seed_7_fold_1", "seed_7_fold_2", "seed_8_fold_1", "seed_8_fold_2")
    assert trainings.begun == [(scale, repeat) for scale in (10, 20, 30) for repeat in repeats]
    trials = study.trials()
    assert [trial.state for trial in trials] == ["finished"] * 3
    assert [trial.mean for trial in trials] == pytest.approx([0.0115, 0.0215, 0.0315])
    assert best_of(trials).point == {SCALE: "10"}
    assert runs_left(trials, study.sweep) == 0
    assert lines[0] == "trial 0: scale 10"
    assert lines[1].endswith(
        "1 of 4 (seed 7, fold 1): validation EER 1.10%, mean 1.10%; about 22 s left in one process"
    )
    SweepWork(study, quiet, trainings).run()
    assert len(trainings.begun) == 12, "a finished sweep trains nothing"


def test_a_killed_sweep_goes_on_with_the_repeat_that_was_under_way(tmp_path):
    def killed(scale, repeat):
        if (scale, repeat.name) == (20, "seed_8_fold_1"):
            raise KeyboardInterrupt

    first, second = Trainings(killed), Trainings()
    with pytest.raises(KeyboardInterrupt):
        SweepWork(Study(tmp_path, sweep_of()), quiet, first).run()
    study = Study(tmp_path, sweep_of())
    assert [trial.state for trial in study.trials()] == ["finished", "running"]
    assert runs_left(study.trials(), study.sweep) == 2 + 4
    assert seconds_left(study.trials(), study.sweep) == 12.0
    lines = []
    SweepWork(study, lines.append, second).run()
    assert first.begun[:-1] + second.begun == [
        (scale, repeat.name) for scale in (10, 20, 30) for repeat in study.sweep.repeats
    ]
    assert lines[0] == "trial 1: scale 20  (taken up with 2 of 4 repeats done)"


def test_a_trial_that_another_process_trains_is_left_to_it(tmp_path):
    study, trainings = Study(tmp_path, sweep_of()), Trainings()
    with Study(tmp_path, sweep_of()).claimed() as other:
        SweepWork(study, quiet, trainings).run()
        assert {scale for scale, _ in trainings.begun} == {20, 30}
        assert other.number == 0
    SweepWork(study, quiet, trainings).run()
    assert {scale for scale, _ in trainings.begun} == {10, 20, 30}


def test_an_orphaned_training_keeps_its_trial_until_it_ends(tmp_path):
    study = Study(tmp_path, sweep_of(search={SCALE: [10]}))
    with study.claimed() as claim:
        waits = [sys.executable, "-c", "input()"]
        training = subprocess.Popen(waits, stdin=subprocess.PIPE, pass_fds=(claim.lock,))
    try:  # this process has let go of the trial, as if it were killed
        with study.claimed() as nothing:
            assert nothing is None
    finally:
        training.communicate(b"\n")
    with study.claimed() as again:
        assert again.number == claim.number


def test_processes_share_a_sweep(tmp_path):
    script = """
    import sys, time
    from pathlib import Path
    from facerec.sweeps.study import Study
    from facerec.sweeps.work import SweepWork
    from tests.sweeps.conftest import Trainings, sweep_of
    trainings = Trainings(lambda *_: time.sleep(0.05))
    SweepWork(Study(Path(sys.argv[1]), sweep_of()), lambda line: None, trainings).run()
    for scale, repeat in trainings.begun:
        print(scale, repeat)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    begun = [line for worker in workers for line in worker.communicate(timeout=120)[0].splitlines()]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sorted(begun) == sorted(f"{scale} {repeat.name}" for scale in (10, 20, 30) for repeat in sweep_of().repeats)
    assert [trial.state for trial in Study(tmp_path, sweep_of()).trials()] == ["finished"] * 3


def test_a_failed_trial_is_recorded_and_others_go_on(tmp_path):
    def fails(scale, repeat):
        if scale == 20:
            raise RepeatFailedError("the loss is NaN")

    study, lines = Study(tmp_path, sweep_of()), []
    SweepWork(study, lines.append, Trainings(fails)).run()
    assert [trial.state for trial in study.trials()] == ["finished", "failed", "finished"]
    assert study.trials()[1].error == "the loss is NaN"
    assert any("failed: the loss is NaN" in line for line in lines)
    assert study.retry_failed() == 1
    assert runs_left(study.trials(), study.sweep) == 4
    trainings = Trainings()
    SweepWork(study, quiet, trainings).run()
    assert {scale for scale, _ in trainings.begun} == {20}
    assert study.retry_failed() == 0, "it is tried again once"


def test_three_failures_alike_stop_the_sweep(tmp_path):
    def fails(scale, repeat):
        raise RepeatFailedError("no space left")

    study, trainings = Study(tmp_path, sweep_of(search={SCALE: [1, 2, 3, 4, 5]})), Trainings(fails)
    with pytest.raises(ValueError, match="the last 3 trials failed alike: no space left.*--retry_failed"):
        SweepWork(study, quiet, trainings).run()
    assert [scale for scale, _ in trainings.begun] == [1, 2, 3]


def test_three_different_failures_do_not(tmp_path):
    def fails(scale, repeat):
        raise RepeatFailedError(f"scale {scale}")

    study, trainings = Study(tmp_path, sweep_of(search={SCALE: [1, 2, 3, 4, 5]})), Trainings(fails)
    SweepWork(study, quiet, trainings).run()
    assert len(trainings.begun) == 5


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_what_is_drawn_depends_on_the_seed_and_not_on_the_process(tmp_path, method):
    space = {SCALE: {"low": 1, "high": 64, "log": True}, RATE: {"low": 0.01, "high": 1.0}}

    def drawn(folder, processes, seed=0):
        sweep = sweep_of(search=space, method=method, trials=12, repeat={"seeds": 1}, seed=seed)
        for _ in range(processes):
            study = Study(tmp_path / folder, sweep)
            for _ in range(12 // processes):
                with study.claimed() as claim:
                    claim.end(TrialState.COMPLETE, claim.point[RATE])
        return [trial.point for trial in study.trials()]

    one = drawn("one", processes=1)
    assert one == drawn("two", processes=3)
    assert one != drawn("three", processes=1, seed=1)
    assert len({point[RATE] for point in one}) == 12
    assert all(1 <= point[SCALE] <= 64 and 0.01 <= point[RATE] <= 1.0 for point in one)


def test_a_study_of_other_settings_is_refused(tmp_path):
    Study(tmp_path, sweep_of())
    with pytest.raises(ValueError, match=r"study of other settings \(search\.model.*another name"):
        Study(tmp_path, sweep_of(search={SCALE: [10, 20]}))
    with pytest.raises(ValueError, match=r"other settings \(repeat\)"):
        Study(tmp_path, sweep_of(repeat={"seeds": 3}))


def test_more_trials_may_be_asked_for_later(tmp_path):
    space = {SCALE: {"low": 1, "high": 64, "int": True}}
    trainings = Trainings()
    for trials in (2, 3):
        sweep = sweep_of(search=space, method="random", trials=trials, repeat={"seeds": 1})
        SweepWork(Study(tmp_path, sweep), quiet, trainings).run()
    assert len(trainings.begun) == 3


def test_a_trial_whose_first_repeats_are_hopeless_is_stopped(tmp_path):
    study, trainings = Study(tmp_path, sweep_of(search={SCALE: [10, 20, 30, 15, 12]}, prune={"after": 3})), Trainings()
    SweepWork(study, quiet, trainings).run()
    # 15 is compared with the median 20 of 10, 20 and 30, and 12 with 17.5: both go on
    assert [trial.state for trial in study.trials()] == ["finished"] * 5
    study, trainings = (
        Study(tmp_path / "2", sweep_of(search={SCALE: [10, 20, 30, 25]}, prune={"after": 3})),
        Trainings(),
    )
    SweepWork(study, quiet, trainings).run()
    assert [trial.state for trial in study.trials()] == ["finished"] * 3 + ["stopped early"]
    assert trainings.begun[-1] == (25, "seed_7_fold_1")
    assert best_of(study.trials()).number == 0
    assert runs_left(study.trials(), study.sweep) == 0


def test_a_training_that_is_hopeless_is_stopped_before_its_end(tmp_path):
    asked = []

    class WithCourse(Trainings):
        def __call__(self, config, repeat, lock, judge):
            finished = super().__call__(config, repeat, lock, judge)
            for count in (1, 2):
                rates = [2 * finished.eer, finished.eer][:count]
                asked.append((self.begun[-1][0], count))
                if judge(rates):
                    raise StoppedEarly
            return finished

    study = Study(tmp_path, sweep_of(search={SCALE: [10, 20, 30, 25]}, prune={"after": 3}, repeat={"seeds": 1}))
    SweepWork(study, quiet, WithCourse()).run()
    assert [trial.state for trial in study.trials()] == ["finished"] * 3 + ["stopped early"]
    assert asked[-1] == (25, 1)
    assert study.trials()[3].repeats == {}
