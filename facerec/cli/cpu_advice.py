"""What to do about a configuration that takes days on a CPU."""

import shlex

from facerec.cli.runs import config_name

CPU_NAME = "lfw_resnet18_arcface"


def cpu_advice(config: str | None) -> str:
    """The configuration that is made for CPUs, and the command that measures this one.

    Args:
        config: file of this one, or its text.

    Example:
        >>> cpu_advice("experiments/resnet34_arcface.yaml")
        'experiments/lfw_resnet18_arcface.yaml is made for CPUs; `facerec check --config
        experiments/resnet34_arcface.yaml` says more'
        >>> cpu_advice(f"experiments/{CPU_NAME}.yaml")
        '`facerec check --config experiments/lfw_resnet18_arcface.yaml` says more'
    """
    is_file = config is not None and "\n" not in config
    check = f"facerec check --config {shlex.quote(str(config))}" if is_file else "facerec check"
    is_made_for_cpus = is_file and config_name(str(config)) == CPU_NAME
    other = "" if is_made_for_cpus else f"experiments/{CPU_NAME}.yaml is made for CPUs; "
    return f"{other}`{check}` says more"
