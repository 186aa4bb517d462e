"""Parts that run side by side give what they give one after the other, and leave no trace in the process."""

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from tests.networks import NETWORKS
from xai_widget import explain
from xai_widget.engine.incremental import driver
from xai_widget.engine.streams import STREAMS, side_by_side


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def number(part: int) -> Tensor:
    return torch.tensor(float(part))


def test_results_come_in_the_order_of_the_parts() -> None:
    assert [int(found) for found in side_by_side(number, range(100))] == list(range(100))


def test_every_stream_has_its_share_of_the_threads_and_the_caller_keeps_his() -> None:
    threads, seen = set(), []
    both = threading.Barrier(STREAMS)

    def work(_part: int) -> Tensor:
        both.wait(60)  # both streams are at work
        threads.add(threading.get_ident())
        return number(torch.get_num_threads())

    assert [int(found) for found in side_by_side(work, range(2))] == [1, 1]
    assert len(threads) == STREAMS
    assert threading.get_ident() not in threads
    assert torch.get_num_threads() == 2
    later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert seen == [2]


@pytest.mark.parametrize(("threads", "parts"), [(1, 5), (2, 1)])
def test_one_thread_or_one_part_is_run_by_the_caller(threads: int, parts: int) -> None:
    torch.set_num_threads(threads)
    seen = set()

    def work(part: int) -> Tensor:
        seen.add(threading.get_ident())
        return number(part)

    assert len(side_by_side(work, range(parts))) == parts
    assert seen == {threading.get_ident()}


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("lowered", [False, True])
def test_streams_compute_as_the_caller_does(inference: bool, lowered: bool) -> None:
    weight = torch.ones(3, 3, requires_grad=True)

    def work(_part: int) -> Tensor:
        return weight @ torch.ones(3, 3)

    with torch.inference_mode(inference), torch.autocast("cpu", torch.bfloat16, enabled=lowered):
        for found in side_by_side(work, range(4)):
            assert found.is_inference() == inference
            assert not found.requires_grad
            assert found.dtype == (torch.bfloat16 if lowered else torch.float32)


def test_the_first_error_stops_all_and_is_raised() -> None:
    done = []

    def work(part: int) -> Tensor:
        done.append(part)
        if part == 3:
            raise ArithmeticError("part 3")
        return number(part)

    with pytest.raises(ArithmeticError, match="part 3"):
        side_by_side(work, range(10_000))
    assert len(done) < 10_000


def to_the_process() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def to_the_stream() -> None:
    """As where the caller is about to wait: he is not woken."""
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


@pytest.mark.parametrize("interrupt", [to_the_process, to_the_stream])
def test_an_interrupt_stops_all(interrupt: Callable[[], None]) -> None:
    done, raised = [], threading.Event()

    def work(part: int) -> Tensor:
        done.append(part)
        if part == 3:
            interrupt()
            raised.set()
        elif part > 3:
            raised.wait(60)
        return (torch.rand(100, 100) @ torch.rand(100, 100)).sum()

    with pytest.raises(KeyboardInterrupt):
        side_by_side(work, range(1_000_000))
    count = len(done)
    assert count < 1_000_000
    assert [int(found) for found in side_by_side(number, range(10))] == list(range(10))
    assert len(done) == count
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("name", ["resnet", "vgg", "densenet"])
def test_windows_give_the_same_numbers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "ROWS", 3)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(
            explain(NETWORKS[name].model(), NETWORKS[name].picture()[0], "occlusion", target=1, window=4, stride=3)
        )
    torch.testing.assert_close(*(torch.tensor(one.arrays["scores"]) for one in found), rtol=1e-5, atol=1e-6)
    assert found[0].meta["forwards"] == found[1].meta["forwards"]
