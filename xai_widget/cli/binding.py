"""The options that commands share: which model, how it is run, and what is asked of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from xai_widget.cli.sections import blamed_on, option
from xai_widget.cli.values import MethodName, read_labels, read_mask_file

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
MODEL: Final = "Model"
QUESTION: Final = "Question"


def _file() -> click.Path:
    return click.Path(path_type=Path, dir_okay=False, exists=True)


def model_options(*, required: bool) -> Callable[[Decorated], Decorated]:
    """Add what says which model there is and how it is run.

    Parameters
    ----------
    required : bool
        Whether there has to be a model.
    """
    options = (
        option(
            MODEL,
            "--model",
            metavar="SOURCE:NAME",
            required=required,
            help="torchvision:NAME, timm:NAME, transformers:ID, examples:NAME; or package.module:NAME, a model or a"
            " function without arguments that makes one (modules of the current folder are found).",
        ),
        option(MODEL, "--weights", type=_file(), help="Weights: .safetensors, or .pt/.pth that hold tensors alone."),
        option(MODEL, "--pretrained", is_flag=True, help="Take the published weights; this may download them."),
        option(
            MODEL,
            "--num-classes",
            type=click.IntRange(min=1),
            help="Of a network of torchvision, timm or transformers that was trained for other classes.",
        ),
        option(
            MODEL,
            "--transform",
            metavar="MODULE:NAME",
            help="Preprocessing: from a picture to a tensor. Default: what the model carries, else ImageNet's.",
        ),
        option(
            MODEL,
            "--labels",
            type=_file(),
            help="Names of the classes: a line each, or JSON. Default: the model's own.",
        ),
        option(
            MODEL,
            "--activation",
            type=click.Choice(["softmax", "sigmoid", "none"]),
            help="From scores to probabilities. Default: decided by looking.",
        ),
        option(MODEL, "--dims", type=click.Choice(["2", "3"]), help="Of the inputs, where the model does not tell."),
        option(
            MODEL,
            "--device",
            metavar="NAME",
            help="Where to compute, such as cuda or cpu. Default: where the model is.",
        ),
    )
    return _all(options)


def question_options(*, method: str) -> Callable[[Decorated], Decorated]:
    """Add what is asked, and how.

    Parameters
    ----------
    method : str
        The default method.
    """
    options = (
        option(
            QUESTION,
            "-m",
            "--method",
            type=MethodName(),
            metavar="ID",
            default=method,
            show_default=True,
            help="See `xai-widget methods`. `--method ID --help` shows its own options.",
        ),
        option(
            QUESTION,
            "-t",
            "--target",
            metavar="CLASS",
            help="The class asked about: index or label. Default: the predicted.",
        ),
        option(
            QUESTION,
            "--rather-than",
            metavar="CLASS",
            help="Ask why it is the target and not this class: a signed map.",
        ),
        option(
            QUESTION,
            "-l",
            "--layer",
            "layers",
            multiple=True,
            metavar="NAME",
            help="Where activations are read, such as layer4. Repeat it to fuse several.",
        ),
        option(
            QUESTION,
            "--mask",
            type=_file(),
            help="Foreground that may be perturbed: .npy, NIfTI, or a black and white picture.",
        ),
        option(
            QUESTION,
            "--precision",
            type=click.Choice(["float32", "bfloat16"]),
            default="float32",
            show_default=True,
            help="Of the forward passes.",
        ),
    )
    return _all(options)


def _all(options: Sequence[Callable[[Decorated], Decorated]]) -> Callable[[Decorated], Decorated]:
    def add(command: Decorated) -> Decorated:
        for each in reversed(options):
            command = each(command)
        return command

    return add


@dataclass(frozen=True)
class Asked:
    """What the shared options come to.

    Attributes
    ----------
    model : callable
        With its weights.
    binding : mapping
        Keywords of `Binding`.
    target : int, str, Contrast or None
        As in `explain`.
    layer : str, list of str or None
        As in `explain`.
    """

    model: Any
    binding: Mapping[str, Any]
    target: Any = None
    layer: Any = None


def asked(options: Mapping[str, Any]) -> Asked:
    """Return what the shared options come to: the model loaded, files read, names looked up.

    Raises
    ------
    click.UsageError
        One of them cannot be used; the message names it.
    """
    binding = {name: options.get(name) for name in ("activation", "precision") if options.get(name) is not None}
    if options["dims"] is not None:
        binding["dims"] = int(options["dims"])
    if options["labels"] is not None:
        with blamed_on("--labels"):
            binding["labels"] = read_labels(options["labels"])
    if options.get("mask") is not None:
        with blamed_on("--mask"):
            binding["mask"] = read_mask_file(options["mask"])
    if options["device"] is not None:
        binding["device"] = _device(options["device"])
    target = _target(options.get("target"), options.get("rather_than"))
    layers = list(options.get("layers") or ())
    if options["transform"] is not None:
        with blamed_on("--transform"):
            from xai_widget.cli.loading import load_object  # noqa: PLC0415 - torch is behind it

            binding["transform"] = load_object(options["transform"])
    return Asked(_model(options), binding, target, layers if len(layers) > 1 else (layers[0] if layers else None))


def _model(options: Mapping[str, Any]) -> Any:
    from xai_widget.cli.loading import load_model  # noqa: PLC0415 - torch is behind it

    weights: Path | None = options["weights"]
    if weights is not None and options["pretrained"]:
        message = "--weights and --pretrained say two things about one model; leave one out."
        raise click.UsageError(message)
    with blamed_on("--model"):
        model = load_model(
            options["model"],
            pretrained=options["pretrained"],
            weights=weights is not None,
            classes=options["num_classes"],
        )
    if weights is not None:
        from xai_widget.cli.weights import fill  # noqa: PLC0415 - brings torch

        with blamed_on("--weights"):
            fill(model, weights)
    return model


def _device(name: str) -> str:
    import torch  # noqa: PLC0415 - slow to import, needed here only

    try:
        torch.empty(1, device=name).add_(1)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).strip().splitlines()[0]
        message = f"{name!r} cannot be used on this machine: {first}"
        raise click.BadParameter(message, param_hint="'--device'") from error
    return name


def _target(target: str | None, foil: str | None) -> Any:
    if foil is None:
        return None if target is None else _class(target)
    if target is None:
        message = f"--rather-than {foil} needs --target: why which class, rather than {foil}?"
        raise click.UsageError(message)
    from xai_widget.targets import Contrast  # noqa: PLC0415 - help needs it not

    return Contrast(_class(target), _class(foil))


def _class(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() else text
