"""Grad-CAM and CAM on transformers: the patches of a layer, wherever its tokens stand."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.attention_by_hand import built, normed_inputs, picture
from tests.transformer_zoo import HubSwin, TimmViT, torchvision_swin, torchvision_vit
from xai_widget import explain, layers

TOKENS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str, Callable[[Tensor], Tensor]]] = {
    "class token": (TimmViT, (16, 16), "blocks.1.norm1", lambda t: t[:, 1:].unflatten(1, (4, 4))),
    "DeiT, not square": (
        lambda: TimmViT((16, 24), prefix=2, read=2),
        (16, 24),
        "blocks.1.norm1",
        lambda t: t[:, 2:].unflatten(1, (4, 6)),
    ),
    "a volume": (
        lambda: TimmViT((8, 12, 16)),
        (8, 12, 16),
        "blocks.1.norm1",
        lambda t: t[:, 1:].unflatten(1, (2, 3, 4)),
    ),
    "torchvision": (
        torchvision_vit,
        (32, 32),
        "encoder.layers.encoder_layer_1.ln_1",
        lambda t: t[:, 1:].unflatten(1, (4, 4)),
    ),
    "Swin": (torchvision_swin, (32, 32), "norm", lambda t: t),
    "Swin in tokens": (lambda: HubSwin((32, 48)), (32, 48), "layernorm", lambda t: t.unflatten(1, (4, 6))),
}


@pytest.mark.parametrize(("build", "size", "layer", "on_grid"), TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("named", [True, False], ids=["named", "by default"])
def test_grad_cam_reads_the_patches_of_the_layer(
    build: Callable[[], nn.Module],
    size: tuple[int, ...],
    layer: str,
    on_grid: Callable[[Tensor], Tensor],
    named: bool,
) -> None:
    model, x = built(build), picture(*size)
    kept: list[Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(lambda _m, _a, out: kept.append(out))
    output = model(x[None])
    handle.remove()
    logits = output if isinstance(output, Tensor) else output.logits
    (gradient,) = torch.autograd.grad(logits[0, 1], kept[-1])
    a, g = on_grid(kept[-1].detach())[0], on_grid(gradient)[0]  # [*grid, C]
    expected = (a * g.flatten(0, -2).mean(0)).sum(-1)
    asked = {"layer": layer} if named else {}
    found = explain(model, x, "grad_cam", target=1, relu=False, dims=len(size), **asked)
    assert found.values == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-9)


def test_only_layers_in_front_of_the_last_attention_say_something_of_a_class_token() -> None:
    model, x = built(TimmViT), picture(16, 16)
    assert explain(model, x, "grad_cam", target=1, layer="blocks.1.norm1", relu=False).values.any()
    assert not explain(model, x, "grad_cam", target=1, layer="blocks.1", relu=False).values.any()
    rows = {row.name: row.fits for row in layers(model, x, "grad_cam")}
    assert rows["blocks.0.mlp"]
    assert not rows["heads.0"]


def test_cam_is_defined_where_a_mean_of_tokens_is_read_and_nowhere_else() -> None:
    swin, x = built(lambda: HubSwin((32, 48))), picture(32, 48)
    (kept,) = normed_inputs(swin, x, ["layernorm"])
    expected = (kept[0] @ swin.classifier.weight[3]).detach().reshape(4, 6).numpy()
    assert explain(swin, x, "cam", target=3).values == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="ends otherwise"):
        explain(built(TimmViT), picture(16, 16), "cam")


def test_a_layer_that_nothing_reads_is_told_from_one_with_negative_evidence() -> None:
    model, x = torchvision_vit().eval(), picture(32, 32)
    unread = explain(model, x, "grad_cam", target=1, layer="encoder.layers.encoder_layer_1")
    assert not unread.values.any()
    assert unread.meta["no_gradient"] == ["encoder.layers.encoder_layer_1"]
    assert "no_gradient" not in explain(model, x, "grad_cam", target=1).meta
