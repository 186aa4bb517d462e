"""A new picture costs one forward, on packed weights where there are any; the numbers are the model's own."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from tests.networks import NETWORKS
from tests.zoo import ZOO
from xai_widget import explain, explain_batch, explain_layers
from xai_widget.binding import Binding
from xai_widget.engine import runner_for, store_for
from xai_widget.engine.onednn import Linear, MultiheadAttention
from xai_widget.engine.packed import packed
from xai_widget.session import Session

EXACT = [name for name in NETWORKS if name != "bfloat16"]


class Counting:
    """The seam of a model: how many inputs each of its forwards had."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, module: nn.Module, x: Tensor) -> Any:
        self.rows.append(len(x))
        return module(x)


def warm(model: nn.Module, method: str, shape: tuple[int, ...], forward: Any = None) -> None:
    for seed in (1, 2, 3):
        explain(model, picture(seed, shape), method, target=1, forward=forward)


def picture(seed: int, shape: tuple[int, ...]) -> Tensor:
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", EXACT)
def test_another_picture_gets_the_map_that_it_gets_as_the_first_one(name: str) -> None:
    net = NETWORKS[name]
    model, x = net.model(), net.picture(5)
    for seed in (1, 2, 3):
        explain(model, net.picture(seed), target=net.target, forward=net.forward)
    found = explain(model, x, target=net.target, forward=net.forward)
    expected = explain(net.model(), x, target=net.target, forward=net.forward)
    np.testing.assert_allclose(
        found.values, expected.values, rtol=1e-4, atol=1e-4 * float(np.abs(expected.values).max())
    )


@pytest.mark.parametrize("name", ["resnet", "mobilenet_v3", "inception", "volume"])
def test_every_layer_of_the_packed_copy_gives_what_the_models_own_gives(name: str) -> None:
    net = NETWORKS[name]
    model = net.model()
    store = store_for(model)
    store.refresh()
    runner, x = runner_for(model, store), net.picture(5)
    assert packed(runner, x) is runner  # the first picture
    other = packed(runner, x)
    assert other.network is not runner.network
    assert packed(runner, x).network is other.network
    folded = {name for name in dict(runner.network.named_modules()) if packed(runner, x, [name]) is runner}
    seen = [outputs(each.network, x) for each in (runner, other)]
    assert seen[0].keys() == seen[1].keys()
    for layer in seen[0].keys() - folded:
        values = seen[0][layer]
        torch.testing.assert_close(seen[1][layer], values, rtol=1e-4, atol=1e-4 * float(values.abs().max()))
    convolutions = (nn.Conv2d, nn.Conv3d)
    assert all(isinstance(runner.network.get_submodule(name), convolutions) for name in folded)


def outputs(network: Any, x: Tensor) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if not list(module.children()):
            module.register_forward_hook(lambda _m, _a, out, name=name: found.__setitem__(name, out.clone()))
    with torch.inference_mode():
        network(x.clone())
    return found


def test_weights_that_change_are_packed_anew() -> None:
    model, shape = NETWORKS["resnet"].model(), NETWORKS["resnet"].shape
    warm(model, "grad_cam", shape)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.data.mul_(1.1)
    x = picture(5, shape)
    first = explain(model, x, target=1)
    warm(model, "grad_cam", shape)
    again = explain(model, x + 1e-7, target=1)
    np.testing.assert_allclose(again.values, first.values, rtol=1e-3, atol=1e-4 * float(first.values.max()))


@pytest.mark.parametrize("target", [None, 1])
@pytest.mark.parametrize(
    ("method", "model"), [("grad_cam", "plain"), ("grad_cam", "flat head"), ("layer_cam", "plain")]
)
def test_a_new_picture_costs_one_forward(method: str, model: str, target: int | None) -> None:
    network, count = ZOO[model](), Counting()
    warm(network, method, (3, 16, 16), count)
    count.rows.clear()
    found = explain(network, picture(5, (3, 16, 16)), method, target=target, forward=count)
    assert (count.rows, found.meta["forwards"]) == ([1], 1)
    count.rows.clear()
    explain_batch(network, torch.cat([picture(seed, (3, 16, 16)) for seed in (6, 7)]), method, forward=count)
    assert count.rows == [2]
    count.rows.clear()
    explain_layers(network, picture(8, (3, 16, 16)), method=method, forward=count)
    assert count.rows == [1]


def test_rollout_of_a_new_picture_costs_one_forward_and_no_backward() -> None:
    network, count, shape = NETWORKS["vit"].model(), Counting(), NETWORKS["vit"].shape
    first = explain(network, picture(1, shape), "attention_rollout", forward=count)
    assert first.meta["backwards"] == 1
    count.rows.clear()
    found = explain(network, picture(5, shape), "attention_rollout", forward=count)
    assert (count.rows, found.meta["forwards"], found.meta["backwards"]) == ([1], 1, 0)
    alone = explain(NETWORKS["vit"].model(), picture(5, shape), "attention_rollout")
    np.testing.assert_allclose(found.values, alone.values, rtol=1e-5)
    assert found.meta["read"] == alone.meta["read"] == [0]
    assert found.meta["read_found"] == "by looking"


def test_what_the_model_says_is_known_without_a_forward_of_its_own() -> None:
    network, count = ZOO["plain"](), Counting()
    warm(network, "grad_cam", (3, 16, 16), count)
    count.rows.clear()
    session = Session.open(network, picture(5, (3, 16, 16)), Binding(forward=count))
    assert count.rows == []
    expected = network(picture(5, (3, 16, 16))).softmax(1).detach().numpy()
    np.testing.assert_allclose(session.probabilities, expected, rtol=1e-4)
    assert session.predictions()[0][0] == int(expected.argmax())
    assert count.rows == [1]


def test_a_copy_made_in_a_callers_inference_mode_serves_outside_of_it() -> None:
    net = NETWORKS["resnet"]
    model = net.model()
    with torch.inference_mode():
        for seed in (1, 2, 3):
            explain(model, net.picture(seed), target=net.target)
    assert any(key[0] == "packed" for key in store_for(model).held() if isinstance(key, tuple))
    found = explain(model, net.picture(5), target=net.target)
    expected = explain(net.model(), net.picture(5), target=net.target)
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-4, atol=1e-5 * float(expected.values.max()))


def test_linear_layers_are_computed_by_onednn() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    store = store_for(model)
    store.refresh()
    runner, x = runner_for(model, store), picture(0, (3, 4, 4))
    packed(runner, x)
    other = packed(runner, x)
    assert [type(layer) for layer in other.network if hasattr(layer, "weight")] == [Linear, Linear]  # type: ignore[attr-defined]
    with other.session(grad=False):
        torch.testing.assert_close(other.raw(x), model(x), rtol=1e-5, atol=1e-6)
    assert {type(layer) for layer in model} == {nn.Flatten, nn.Linear, nn.ReLU}


def test_rollout_runs_on_the_packed_copy_once_it_is_known_which_tokens_are_read() -> None:
    torch.manual_seed(0)
    build = lambda: VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32).eval()  # noqa: E731
    model = build()
    nn.init.normal_(model.heads.head.weight)  # torchvision's begins at 0: no token is seen to be read
    ran: list[set[type]] = []

    def forward(module: nn.Module, x: Tensor) -> Any:
        attention = "encoder.layers.encoder_layer_1.self_attention"
        ran.append({type(module.get_submodule(name)) for name in ("heads.head", attention)})
        return module(x)

    for seed in (1, 2, 3):
        explain(model, picture(seed, (3, 32, 32)), "attention_rollout", target=1, forward=forward)
    ran.clear()
    pictures = [picture(seed, (3, 32, 32)) for seed in (4, 5)]
    found = explain_batch(model, torch.cat(pictures), "attention_rollout", targets=1, forward=forward)
    assert ran == [{Linear, MultiheadAttention}]
    fresh = build()
    fresh.load_state_dict(model.state_dict())
    for one, x in zip(found, pictures, strict=True):
        expected = explain(fresh, x, "attention_rollout", target=1)
        np.testing.assert_allclose(one.values, expected.values, rtol=1e-4)
