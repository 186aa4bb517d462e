"""Every method leaves every architecture as it was: after success, an exception, a cancel, and while it trains."""

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.networks import NETWORKS, REFUSED, cheap
from tests.traces import Burnt, Fuse, Record, burning_at, train
from xai_widget import explain, methods
from xai_widget.binding import Binding
from xai_widget.explainers import build_method
from xai_widget.inputs import read_input
from xai_widget.session import Session

METHODS = [row.id for row in methods()]
# In-place ReLUs and a GAP head, attention, volumes: the others where there is time.
CORE = ("resnet", "vit", "volume")
SMALL = ("vit", "volume")
NEW_PICTURE = itertools.count(100)  # what was computed for another picture answers nothing


def pairs(quick: tuple[str, ...]) -> list[Any]:
    return [
        pytest.param(network, method, id=f"{network}-{method}", marks=[] if network in quick else [pytest.mark.slow])
        for network, method in itertools.product(NETWORKS, METHODS)
        if method not in REFUSED[network]
    ]


@cache
def fused(network: str) -> tuple[nn.Module, Fuse]:
    """A network that several tests may explain (it is only looked at), and a fuse in it."""
    model = NETWORKS[network].model()
    return model, Fuse(model)


def opened(model: nn.Module, network: str, picture: Tensor, **binding: Any) -> Session:
    return Session(model, [read_input(picture, model)], Binding(forward=NETWORKS[network].forward, **binding))


def running(session: Session, network: str, method: str) -> Iterator[Any]:
    net = NETWORKS[network]
    return session.run(build_method(method, cheap(method, net.shape)), [net.target])


def assert_close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * float(np.abs(expected).max()))


@pytest.mark.parametrize(("network", "method"), pairs(CORE))
def test_after_success_the_network_is_as_it_was(network: str, method: str) -> None:
    net, (model, _) = NETWORKS[network], fused(network)
    picture = net.picture(next(NEW_PICTURE))
    before, pixels = Record(model), picture.clone()
    found = explain(model, picture, method, target=net.target, forward=net.forward, **cheap(method, net.shape))
    before.assert_same(model)
    assert torch.equal(picture, pixels)
    assert picture.grad is None
    assert not picture.requires_grad
    assert np.isfinite(found.values).all()


@pytest.mark.parametrize(("network", "method"), pairs(SMALL))
def test_after_an_exception_in_the_first_or_last_forward_the_network_is_as_it_was(network: str, method: str) -> None:
    model, fuse = fused(network)
    for _ in range(4):  # every copy that is ever made is there (the last for the third picture): all runs need the same
        with fuse.armed():
            list(running(opened(model, network, NETWORKS[network].picture(next(NEW_PICTURE))), network, method))
    for count in {1, fuse.forwards}:
        picture = NETWORKS[network].picture(next(NEW_PICTURE))
        session = opened(model, network, picture)
        expected = list(running(session, network, method))[-1][0]
        session.forget()  # it is computed anew, by the same copies
        before = Record(model)
        with fuse.armed(burning_at(count)), pytest.raises(Burnt):
            list(running(opened(model, network, picture), network, method))
        before.assert_same(model)
        again = list(running(opened(model, network, picture), network, method))[-1][0]
        assert_close(again.values, expected.values)


@pytest.mark.parametrize(("network", "method"), pairs(CORE))
def test_after_a_cancel_between_estimates_the_network_is_as_it_was(network: str, method: str) -> None:
    model, _ = fused(network)
    session = opened(model, network, NETWORKS[network].picture(next(NEW_PICTURE)), chunk_seconds=1e-9)
    before = Record(model)
    run = running(session, network, method)
    next(run)
    run.close()
    before.assert_same(model)


@pytest.mark.parametrize(("network", "method"), pairs(SMALL))
def test_training_in_the_middle_of_a_run_gives_what_it_gives_without_us(network: str, method: str) -> None:
    net = NETWORKS[network]
    pictures = torch.cat([net.picture(seed) for seed in range(4)])

    def scores(of: nn.Module) -> Tensor:
        inputs = pictures.to(next(of.parameters()).dtype)
        return of(inputs) if net.forward is None else net.forward(of, inputs)

    model, alone = net.model().train(), net.model().train()
    fuse, before = Fuse(model), Record(model)
    expected = list(running(opened(alone, network, net.picture(9)), network, method))[-1][0]
    session = opened(model, network, net.picture(9))
    steps: list[str] = []

    def once(where: str) -> None:
        if where not in steps:
            steps.append(where)
            train(model, lambda: scores(model))

    with fuse.armed(lambda _: once("forward"), lambda: once("backward")):
        found = list(running(session, network, method))[-1][0]
    for _ in steps:
        train(alone, lambda: scores(alone))
    assert "forward" in steps
    before.assert_same_structure(model)
    trained, wanted = dict(model.named_parameters()), dict(alone.named_parameters())
    for name, parameter in wanted.items():
        assert torch.equal(trained[name].grad, parameter.grad), name
    for (name, buffer), (_, moved) in zip(model.named_buffers(), alone.named_buffers(), strict=True):
        assert torch.equal(buffer, moved), name
    assert_close(found.values, expected.values)
