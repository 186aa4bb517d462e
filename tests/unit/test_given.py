"""Maps from elsewhere: what other tools really return is shown, and what is no map is said in words."""

from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Saliency
from numpy.typing import NDArray
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from tests.zoo import ZOO, picture
from xai_widget import explain, from_attribution
from xai_widget.page import method_payload, result_payload

PHOTO = np.full((16, 16, 3), 90, np.uint8)
EYE = np.eye(4, dtype=np.float32)


def shown(given: Any, **settings: Any) -> NDArray[np.float32]:
    return from_attribution(PHOTO, given, **settings).explain().values


# -- what other tools return ---------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:::captum")
def test_captums_channels_are_added_up_if_one_says_so() -> None:
    model, x = ZOO["plain"](), picture()[None]
    theirs = IntegratedGradients(model).attribute(x, target=1, n_steps=4)
    assert theirs.shape == (1, 3, 16, 16)
    w = from_attribution(PHOTO, theirs, reduce="sum", method="Captum IG", label="one")
    a = w.explain()
    assert a.values == pytest.approx(theirs[0].sum(0).detach().numpy(), abs=1e-7)
    assert a.signed
    assert (w.session.labels, method_payload(w.session, w._chosen())["label"]) == (("one",), "Captum IG")
    largest = shown(Saliency(model).attribute(x, target=1), reduce="largest")
    assert largest == pytest.approx(explain(model, x[0], "saliency", target=1).values, rel=1e-5)


@pytest.mark.filterwarnings("ignore:::captum")
def test_captums_layer_map_is_shown_as_it_is() -> None:
    model, x = ZOO["plain"](), picture()[None]
    theirs = LayerGradCam(model, model.conv2).attribute(x, target=1)
    assert theirs.shape == (1, 1, 8, 8)
    assert theirs.requires_grad
    assert shown(theirs) == pytest.approx(theirs[0, 0].detach().numpy(), abs=0)


def test_the_map_of_pytorch_grad_cam_is_shown_as_it_is() -> None:
    model, x = ZOO["plain"](), picture()[None]
    with GradCAM(model=model, target_layers=[model.conv2]) as cam:
        theirs = cam(input_tensor=x, targets=[ClassifierOutputTarget(1)])
    assert theirs.shape == (1, 16, 16)
    a = from_attribution(PHOTO, theirs).explain()
    assert (a.values == theirs[0]).all()
    assert not a.signed


@pytest.mark.parametrize("shape", [(4, 4), (1, 4, 4), (1, 1, 4, 4), (4, 4, 1), (1, 4, 4, 1)])
def test_axes_of_length_one_do_not_count(shape: tuple[int, ...]) -> None:
    assert (shown(EYE.reshape(shape)) == EYE).all()


@pytest.mark.parametrize("layout", ["[3, h, w]", "[1, 3, h, w]", "[h, w, 3]", "[1, h, w, 3]"])
def test_colour_channels_stand_first_or_last(layout: str) -> None:
    channels = np.stack([EYE, -3 * EYE, EYE])
    given = np.moveaxis(channels, 0, -1) if layout.endswith("3]") else channels
    given = given[None] if layout.startswith("[1") else given
    assert (shown(given, reduce="sum") == -EYE).all()
    assert (shown(given, reduce="largest") == 3 * EYE).all()


@pytest.mark.parametrize(
    "kind",
    ["bool", "uint8", "int64", "float16", "float64", "torch.bool", "torch.int32", "torch.float16", "torch.bfloat16"],
)
def test_any_numbers_will_do(kind: str) -> None:
    name = kind.removeprefix("torch.")
    given = torch.eye(4).to(getattr(torch, name)) if kind.startswith("torch.") else np.eye(4).astype(name)
    values = shown(given)
    assert values.dtype == np.float32
    assert (values == EYE).all()


def test_lists_of_rows_are_one_map() -> None:
    assert shown([[0, 1], [2, 3]]).tolist() == [[0, 1], [2, 3]]


# -- several maps --------------------------------------------------------------------------------------------------------


def test_several_maps_are_chosen_like_methods() -> None:
    w = from_attribution(PHOTO, {"one": EYE, "another": torch.full((2, 3), -1.0)})
    assert (list(w.offered), w.method, w.controls) == (["one", "another"], "one", ["method", "display"])
    assert (w.explain().values == EYE).all()
    w.method = "another"
    a = w.explain()
    assert (a.values.tolist(), a.signed) == ([[-1] * 3] * 2, True)


def test_a_list_of_maps_is_numbered() -> None:
    model, x = ZOO["plain"](), picture()
    found = [explain(model, x, name, target=1) for name in ("grad_cam", "saliency")]
    w = from_attribution(None, [*found, EYE])
    assert list(w.offered) == ["Map 1 (grad_cam)", "Map 2 (saliency)", "Map 3"]
    assert w.session.labels == (found[0].label,)
    w.method = "Map 2 (saliency)"
    assert (w.explain().values == found[1].values).all()


def test_maps_of_several_classes_say_which_in_their_titles() -> None:
    model, x = ZOO["plain"](), picture()
    pair = {"a": explain(model, x, target=1), "b": explain(model, x, target=2)}
    w = from_attribution(PHOTO, pair)
    assert [cls.label for cls in w.offered.values()] == ["a, class 1", "b, class 2"]
    assert w.session.labels == ("given map",)


def test_one_map_in_a_list_needs_no_choice() -> None:
    w = from_attribution(PHOTO, [EYE])
    assert (list(w.offered), w.controls) == (["given"], ["display"])


# -- what is not finite, and what is no map ------------------------------------------------------------------------------


@pytest.mark.parametrize("unknown", [np.nan, np.inf, -np.inf, "masked"])
def test_values_that_are_unknown_are_said_in_words(unknown: Any) -> None:
    given = np.ma.masked_equal(EYE, 0) if unknown == "masked" else np.where(EYE == 0, np.float32(unknown), EYE)
    a = from_attribution(PHOTO, given).explain()
    assert np.isfinite(a.values).sum() == 4
    assert a.signed == (unknown == -np.inf)
    payload, _ = result_payload(a, 0, "Given map")
    assert payload["notes"] == ["Some values are not finite; they are shown as zero."]
    assert (payload["minimum"], payload["maximum"]) == (1, 1)


@pytest.mark.parametrize(
    ("given", "settings", "said"),
    [
        (np.ones((3, 4, 4)), {}, r"A map has colour channels \(shape \[3, 4, 4\]\): say .* reduce='sum'"),
        (np.ones((5, 4, 4)), {"reduce": "sum"}, r"got shape \[5, 4, 4\]. For a batch, .* pass a list or a mapping"),
        (np.ones((2, 3, 4, 4)), {"reduce": "sum"}, r"got shape \[2, 3, 4, 4\]"),
        (np.ones(4), {}, r"got shape \[4\]"),
        (np.ones((0, 4)), {}, r"got shape \[0, 4\] of float64"),
        (np.array([["a"]]), {}, r"of <U1"),
        (np.ones((2, 2), complex), {}, "of complex128"),
        ([[1, 2], [3]], {}, "parts that do not fit together"),
        (np.full((2, 2), np.nan), {}, "A map has no finite value: everything in it is NaN, infinite or masked."),
        (np.ma.masked_all((2, 2)), {}, "A map has no finite value"),
        ({"x": np.ones(3)}, {}, r"'x' must be an array \[h, w\] of numbers, got shape \[3\]"),
        ({}, {}, "There is no map: expected at least one."),
        ([EYE, EYE], {"method": "mine"}, r"method= names a single map. Several are named by a mapping"),
        (EYE, {"reduce": "mean"}, "reduce must be 'sum', 'largest' or None, got 'mean'."),
    ],
)
def test_what_is_no_map_is_refused_with_what_to_do(given: Any, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        from_attribution(PHOTO, given, **settings)


def test_without_any_picture_one_is_asked_for() -> None:
    with pytest.raises(ValueError, match=r"There is no picture: pass one as the first argument."):
        from_attribution(None, EYE)
