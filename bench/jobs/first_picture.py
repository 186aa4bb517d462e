"""Occlusion until the first useful picture: the coarse grid that covers every place once."""

from collections.abc import Callable

from torch import Tensor, nn

from bench import floors
from bench.agreement import near
from bench.job import FLOOR, OURS, Contender, Job, Target, Trial
from bench.networks import CLASS, image, network, of_side
from xai_widget import Attribution, explain
from xai_widget.binding import Binding
from xai_widget.explainers import build_method
from xai_widget.session import Session
from xai_widget.widget.xai_widget import CHUNK_SECONDS


def first(model: nn.Module, x: Tensor, window: int, stride: int, target: int, windows: int) -> Attribution:
    """Return the first estimate from at least so many windows, as the widget asks for it, and run no more."""
    method = build_method("occlusion", {"window": window, "stride": stride})
    estimates = Session.open(model, x, Binding(chunk_seconds=CHUNK_SECONDS)).run(method, [target])
    return next(found for found, *_ in estimates if found.meta["windows"] >= windows)


def trial(model: nn.Module, picture: Callable[[int], Tensor], window: int, stride: int, target: int = CLASS) -> Trial:
    """Return the job for a network."""
    coarse = (picture(0).shape[-1] // window) ** 2

    def agree() -> str:
        exact = explain(model, picture(0), "occlusion", target=target, window=window, stride=window)
        found = first(model, picture(0), window, stride, target, coarse).arrays["scores"]
        step = window // stride
        return near("The grid's windows, run alone,", found[::step, ::step], exact.arrays["scores"])

    return Trial(
        {
            OURS: [
                Contender(
                    lambda turn: lambda: first(model, picture(turn), window, stride, target, coarse),
                    f"the first estimate of at least {coarse} windows, opening included",
                )
            ],
            FLOOR: floors.forwards(model, picture, 1 + coarse),
        },
        agree,
        type(model),
    )


JOBS = (
    Job(
        "first_picture",
        "Occlusion, 224 x 224, window 32, stride 8, ResNet-18: the first useful picture",
        lambda quick: trial(network("resnet18"), of_side(96) if quick else image, 32, 8),
        [Target(1.0, "seconds")],
    ),
)
