"""What the command line says before it is parsed."""

from collections.abc import Callable, Sequence


def given(arguments: Sequence[str], key: str) -> bool:
    """Whether a setting, or a part of it, is on the command line.

    Example:
        >>> given(["--data.root=faces"], "data.root"), given(["--data.root", "faces"], "data")
        (True, True)
        >>> given(["--data.rootless=1"], "data.root")
        False
    """
    return any(argument == f"--{key}" or argument.startswith((f"--{key}=", f"--{key}.")) for argument in arguments)


def value_of(arguments: Sequence[str], key: str) -> str | None:
    """The first value of ``--key VALUE`` or ``--key=VALUE``; None if there is none.

    Example:
        >>> value_of(["--config", "a.yaml", "--config=b.yaml"], "config")
        'a.yaml'
    """
    return next(iter(values_of(arguments, key)), None)


def values_of(arguments: Sequence[str], key: str) -> list[str]:
    """Every value of ``--key VALUE`` or ``--key=VALUE``.

    Example:
        >>> values_of(["--config", "a.yaml", "--config=b.yaml"], "config")
        ['a.yaml', 'b.yaml']
    """
    found: list[str] = []

    def note(value: str) -> str:
        found.append(value)
        return value

    with_value(arguments, key, note)
    return found


def with_value(arguments: Sequence[str], key: str, change: Callable[[str], str]) -> list[str]:
    """The arguments, with each value of ``--key VALUE`` or ``--key=VALUE`` changed.

    Example:
        >>> with_value(["--name", "a", "--name=b", "c"], "name", str.upper)
        ['--name', 'A', '--name=B', 'c']
    """
    changed, is_value = [], False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if is_value:
            changed.append(change(argument))
        elif name == f"--{key}" and equals:
            changed.append(f"{name}={change(value)}")
        else:
            changed.append(argument)
        is_value = argument == f"--{key}" and not is_value
    return changed


def long_form(argument: str) -> str:
    """``-c FILE``, ``-c=FILE`` and ``-cFILE`` as ``--config``: the only short option beside ``-h``.

    Example:
        >>> [long_form(argument) for argument in ("-c", "-c=own.yaml", "-cown.yaml", "--data.root")]
        ['--config', '--config=own.yaml', '--config=own.yaml', '--data.root']
    """
    if argument == "-c":
        return "--config"
    return f"--config={argument[2:].removeprefix('=')}" if argument.startswith("-c") else argument


def without(arguments: Sequence[str], key: str) -> list[str]:
    """The arguments without ``--key VALUE`` and ``--key=VALUE``.

    Example:
        >>> without(["--trust", "mine", "--data.root", "faces", "--trust=yours"], "trust")
        ['--data.root', 'faces']
    """
    before = ["", *arguments]
    return [
        argument
        for argument, previous in zip(arguments, before, strict=False)
        if f"--{key}" not in (argument, previous) and not argument.startswith(f"--{key}=")
    ]
