"""Logits of edited inputs: the same in passes of any size, of models that overwrite their input, and in bfloat16."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from tests.networks import NETWORKS
from tests.zoo import SIDE, ZOO, Plain, picture, seeded, trained_statistics
from xai_widget.binding import Binding
from xai_widget.engine import Boxes, Case, Edits, Segments
from xai_widget.engine import variants as engine_variants
from xai_widget.engine.variants import Pace
from xai_widget.inputs import read_input
from xai_widget.session import Session

BANDS = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) // (2 * SIDE)  # eight bands
ORIGINS = np.stack(np.meshgrid(np.arange(0, 13, 2), np.arange(0, 13, 2), indexing="ij"), -1).reshape(-1, 2)
EDITS: dict[str, Edits] = {
    "boxes": Boxes(ORIGINS, (4, 4), fill=0.5),
    "segments": Segments(np.random.default_rng(0).random((40, 8)) < 0.5, BANDS, fill="mean"),
}


class Normalising(Plain):
    """Normalises its input in place, as some models do."""

    def forward(self, x: Tensor) -> Any:
        return super().forward(x.sub_(0.5).div_(2))


class Elsewhere(nn.Module):
    """The same network, which leaves its input alone."""

    def __init__(self) -> None:
        super().__init__()
        self.network = Normalising()

    def forward(self, x: Tensor) -> Any:
        return self.network(x.clone())


def case_of(model: Callable[..., Any], rows: int = 1, **binding: Any) -> Case:
    session = Session(model, [read_input(picture(seed), model, dims=2) for seed in range(rows)], Binding(**binding))
    return session.plain_case()


def logits_of(model: Callable[..., Any], edits: Edits, rows: int = 1, **binding: Any) -> Tensor:
    return torch.cat(list(case_of(model, rows, **binding).scores(edits)), 1)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("name", EDITS)
def test_logits_do_not_depend_on_how_many_run_in_one_pass(
    name: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = logits_of(ZOO["plain"](), EDITS[name], rows)
    assert expected.shape == (rows, len(EDITS[name]), 5)
    monkeypatch.setattr(engine_variants, "CACHED_ELEMENTS", 5 * 3 * SIDE * SIDE)
    monkeypatch.setattr(engine_variants, "CHUNK_ELEMENTS", 13 * 3 * SIDE * SIDE)
    assert torch.allclose(logits_of(ZOO["plain"](), EDITS[name], rows), expected, atol=1e-6)


@pytest.mark.parametrize("name", EDITS)
def test_a_model_may_overwrite_its_input(name: str) -> None:
    models = [trained_statistics(seeded(kind)).eval() for kind in (Normalising, Elsewhere)]
    models[1].network.load_state_dict(models[0].state_dict())
    found, expected = (logits_of(model, EDITS[name]) for model in models)
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_function_may_keep_its_input() -> None:
    kept: list[tuple[Tensor, Tensor]] = []

    def black_box(x: Tensor) -> Tensor:
        kept.append((x, x.clone()))
        return x.mean((2, 3))

    logits_of(black_box, EDITS["boxes"], chunk_seconds=1e-9)
    assert len(kept) > 10
    assert all(torch.equal(seen, copy) for seen, copy in kept)


@pytest.mark.parametrize("at_most", [1, 3])
def test_passes_that_do_not_fit_are_halved(at_most: int) -> None:
    sizes: list[int] = []

    class Tight(Plain):
        def forward(self, x: Tensor) -> Any:
            if len(x) > at_most:
                message = "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory"
                raise RuntimeError(message)
            sizes.append(len(x))
            return super().forward(x)

    model = trained_statistics(seeded(Tight)).eval()
    expected = logits_of(ZOO["plain"](), EDITS["segments"])
    assert torch.allclose(logits_of(model, EDITS["segments"]), expected, atol=1e-6)
    assert max(sizes) <= at_most


@pytest.mark.parametrize("name", ["resnet", "vgg", "mobilenet_v3"])
def test_in_bfloat16_an_edit_of_nothing_changes_nothing(name: str) -> None:
    network = NETWORKS[name]
    model, x = network.model(), network.picture()
    session = Session(model, [read_input(x, model)], Binding(precision="bfloat16"))
    labels = np.arange(64 * 64).reshape(64, 64) // 512
    keep = np.ones((20, 8), dtype=bool)
    keep[10:] = np.random.default_rng(0).random((10, 8)) < 0.5
    case = session.plain_case()
    (found,) = torch.cat(list(case.scores(Segments(keep, labels, fill="mean"))), 1)
    moved = (found[10:] - case.logits).abs().mean()
    assert float((found[:10] - case.logits).abs().max()) < 0.01 * float(moved)
    full = Session(model, [read_input(x, model)], Binding()).plain_case()
    (exact,) = torch.cat(list(full.scores(Segments(keep, labels, fill="mean"))), 1)
    error = (found - case.logits) - (exact - full.logits)
    assert float(error[10:].abs().mean()) < 0.1 * float(moved)


@pytest.mark.parametrize(
    ("name", "shape", "rows"),
    [
        ("resnet18", (3, 224, 224), 8),
        ("resnet50", (3, 224, 224), 4),  # its layers hand on five times as much
        ("vgg16", (3, 224, 224), 2),  # its first are four times as wide
        ("resnet50", (3, 64, 64), 32),
        ("resnet18", (3, 1024, 1024), 1),
    ],
)
def test_fewer_inputs_run_in_one_pass_where_layers_hand_on_more(name: str, shape: tuple[int, ...], rows: int) -> None:
    model = getattr(torchvision.models, name)(weights=None).eval()
    pace = Pace(Session(model, [read_input(torch.zeros(shape), model)], Binding()).facts, None)
    assert pace.rows(torch.empty(1, *shape)) == rows


def test_a_function_shows_no_layers_and_its_inputs_alone_count() -> None:
    def model(x: Tensor) -> Tensor:
        return x.mean((2, 3))

    session = Session(model, [read_input(picture(0, 224), model, dims=2)], Binding())
    assert Pace(session.facts, None).rows(torch.empty(1, 3, 224, 224)) == 8
