"""The methods: one file a family, each reading like its paper."""

import contextlib
import dataclasses
import warnings
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Final

from xai_widget.explainers.attention import AttentionRollout, TransformerAttribution
from xai_widget.explainers.cam import Cam
from xai_widget.explainers.grad_cam import GradCam, GradCamPlusPlus, LayerCam
from xai_widget.explainers.gradients import InputXGradient, Saliency
from xai_widget.explainers.guided import Deconvolution, GuidedBackprop, GuidedGradCam
from xai_widget.explainers.integrated_grad_cam import IntegratedGradCam
from xai_widget.explainers.integrated_gradients import IntegratedGradients, InteriorGradients
from xai_widget.explainers.kernel_shap import KernelShap
from xai_widget.explainers.layers import Layer, layer_names
from xai_widget.explainers.lime import Lime
from xai_widget.explainers.lrp import Lrp
from xai_widget.explainers.method import Cost, Explainer, Looking, Method
from xai_widget.explainers.noise_tunnel import NoiseTunnel
from xai_widget.explainers.occlusion import Occlusion
from xai_widget.explainers.parameters import Param, Parameter, checked, parameters_of
from xai_widget.explainers.rise import Rise
from xai_widget.explainers.score_cam import ScoreCam
from xai_widget.explainers.smooth_grad import SmoothGrad
from xai_widget.names import nearest

ENTRY_POINTS: Final = "xai_widget.explainers"
# What a method may say of itself, and what it has to.
WORDS: Final = ("summary", "formula", "cites", "when", "evaluations")
NEEDED: Final = (
    *("id", "label", "access", "class_specific"),
    *("uses_layer", "refuses", "refuses_layer", "default_layer", "automatic", "cost", "estimates"),
)
OWN: Final[tuple[type[Method], ...]] = (
    GradCam,
    GradCamPlusPlus,
    LayerCam,
    ScoreCam,
    IntegratedGradCam,
    Cam,
    Saliency,
    InputXGradient,
    IntegratedGradients,
    InteriorGradients,
    SmoothGrad,
    NoiseTunnel,
    GuidedBackprop,
    Deconvolution,
    GuidedGradCam,
    Occlusion,
    Rise,
    Lime,
    KernelShap,
    Lrp,
    AttentionRollout,
    TransformerAttribution,
)


@cache
def method_classes() -> Mapping[str, type[Method]]:
    """Return every method's class by id: the ones here, then those that installed packages register.

    A package registers a class through the entry-point group ``xai_widget.explainers``; the entry's name is the id.
    One that cannot be used is left out with a warning that names its package.
    """
    found: dict[str, type[Method]] = {cls.id: cls for cls in OWN}
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            cls = _completed(entry.load())
        except Exception as error:  # noqa: BLE001 - importing a stranger's module may raise anything
            package = f"The package {entry.dist.name!r}" if entry.dist is not None else f"{entry.value!r}"
            message = (
                f"{package} registers the method {entry.name!r}, which cannot be used and is left out."
                f" {type(error).__name__}: {error}"
            )
            warnings.warn(message, RuntimeWarning, stacklevel=2)
        else:
            found.setdefault(entry.name, cls)
    return found


def _completed(cls: type[Method]) -> type[Method]:
    """Return a class with empty words where it says nothing about itself.

    Raises
    ------
    TypeError
        It is no method.
    """
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        message = f"Expected a frozen dataclass, got {cls!r}."
        raise TypeError(message)
    if missing := [name for name in NEEDED if not hasattr(cls, name)]:
        message = (
            f"{cls.__name__} has no {', '.join(missing)}; deriving from xai_widget.explainers.Explainer gives some."
        )
        raise TypeError(message)
    parameters_of(cls)  # a field that cannot be read would fail later, at every use
    for name in WORDS:
        if not hasattr(cls, name):
            setattr(cls, name, "")
    return cls


def build_method(
    method: "str | Method", params: Mapping[str, Any], classes: Mapping[str, type[Method]] | None = None
) -> Method:
    """Return the method called `method` with `params`, each checked.

    Parameters
    ----------
    method : str or Method
        An id, or a method whose parameters are fixed already (then `params` change some of them).
    params : mapping
        Fields of the method.
    classes : mapping, optional
        What ids stand for. None: `method_classes()`.

    Raises
    ------
    ValueError
        Unknown method or parameter, or a value out of range.
    TypeError
        A value of another type.
    """
    if not isinstance(method, str):
        with contextlib.suppress(TypeError):
            _completed(type(method))
        if not isinstance(method, Method):
            message = f"method must be an id such as 'grad_cam' or a method object, got {type(method).__name__}."
            raise TypeError(message)
        kept = {parameter.name: getattr(method, parameter.name) for parameter in parameters_of(type(method))}
        cls = type(method)
        return cls(**checked(cls, {**kept, **params}, cls.label))
    if classes is None:
        classes = method_classes()
    if method not in classes:
        message = f"Unknown method {method!r}.{nearest(method, classes)} Known methods: {', '.join(classes)}."
        raise ValueError(message)
    cls = classes[method]
    return cls(**checked(cls, params, cls.label))


__all__ = [
    "AttentionRollout",
    "Cam",
    "Cost",
    "Deconvolution",
    "Explainer",
    "GradCam",
    "GradCamPlusPlus",
    "GuidedBackprop",
    "GuidedGradCam",
    "InputXGradient",
    "IntegratedGradCam",
    "IntegratedGradients",
    "InteriorGradients",
    "KernelShap",
    "Layer",
    "LayerCam",
    "Lime",
    "Looking",
    "Lrp",
    "Method",
    "NoiseTunnel",
    "Occlusion",
    "Param",
    "Parameter",
    "Rise",
    "Saliency",
    "ScoreCam",
    "SmoothGrad",
    "TransformerAttribution",
    "build_method",
    "checked",
    "layer_names",
    "method_classes",
    "parameters_of",
]
