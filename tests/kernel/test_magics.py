"""`%xai model img` in a real kernel: the widget in one line, errors of one line, and what Tab offers."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.driver import PATIENCE, Kernel

VARIABLES = """
%load_ext xai_widget
from tests.kernel.models import Slow, picture
net, photo, count = Slow(), picture(), 3
net.labels = ["square", "great white stripe", "noise"]
nets = [net]
"""


@pytest.fixture
def magic(kernel: Kernel) -> Iterator[Kernel]:
    kernel.run(VARIABLES)
    yield kernel
    kernel.run("%unload_ext xai_widget\nimport ipywidgets; ipywidgets.Widget.close_all()")


def offered(kernel: Kernel, line: str) -> tuple[list[str], str]:
    """Return what the kernel offers at the end of a line, and what that would replace."""
    name = kernel.client.complete(line, len(line))
    while True:
        reply: dict[str, Any] = kernel.client.get_shell_msg(timeout=PATIENCE)
        if reply["parent_header"].get("msg_id") == name:
            break
    content = reply["content"]
    return content["matches"], line[content["cursor_start"] : content["cursor_end"]]


def test_the_line_is_a_widget_with_the_settings_that_it_names(magic: Kernel) -> None:
    line = "%xai net photo --method occlusion -p window=4 --params 'stride=2 fill=mean' --target 2 --locale en --simple"
    magic.run(f"w = {line}")
    found = magic.run("print(w.method, dict(w.params), w.target, w.locale, w.expert)")
    assert found == "occlusion {'window': 4, 'stride': 2, 'fill': 'mean'} 2 en False\n"


def test_a_bare_line_shows_the_widget(magic: Kernel) -> None:
    cell = magic.begin("%xai net photo")
    magic.ended(cell)
    (shown,) = [m for m in magic.messages if m.parent == cell and m.type == "display_data"]
    assert "application/vnd.jupyter.widget-view+json" in shown.content["data"]


def test_expressions_paths_and_contrasts_are_understood(magic: Kernel, tmp_path: Any) -> None:
    magic.run(f"from PIL import Image; Image.new('RGB', (32, 32), 'red').save({str(tmp_path / 'red.png')!r})")
    line = f"%xai nets[0] {tmp_path / 'red.png'} -m grad_cam -l conv -t 'great white stripe' --rather-than noise"
    magic.run(f"w = {line} --transform (lambda picture: photo)")
    found = magic.run("print(w.names, w.layer, w.explain().label)")
    assert found == "['red.png'] conv great white stripe rather than noise\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "%xai : the following arguments are required: model, img"),
        ("nte photo", "model: there is no variable 'nte' in your namespace. Did you mean 'net'?"),
        ("net missing.png", "img: 'missing.png' is neither a file here nor an expression with a value."),
        ("net photo --metod lime", "'--metod' is none of them. Did you mean '--method'?"),
        ("net photo --method grad_cm", "Unknown method 'grad_cm'. Did you mean 'grad_cam'"),
        ("net photo --target squar", "no class 'squar'"),
        ("net photo --layer cnv", "Layer 'cnv' not found. Did you mean 'conv'?"),
        ("net photo -p window", "--params: expected name=value, such as window=32, got 'window'."),
        ("net photo --rather-than noise", "--rather-than noise needs --target"),
        ("net photo[", "%xai net photo[: ] is missing."),
        ("net 1/0", "img: '1/0' raised ZeroDivisionError: division by zero"),
        ("net count", "%xai net count: An input cannot be int."),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(magic: Kernel, line: str, said: str) -> None:
    text = magic.run(f"%xai {line}")
    assert text.startswith("UsageError: ")
    assert said in text
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "expected", "replaced"),
    [
        ("%xai ", ["net", "nets"], ""),
        ("w = %xai ne", ["net", "nets"], "ne"),
        ("%xai net ", ["photo"], ""),
        ("%xai net photo --me", ["--method"], "--me"),
        ("%xai net photo -m occ", ["occlusion"], "occ"),
        ("%xai net photo --layer c", ["conv"], "c"),
        ("%xai nets[0] photo --layer c", ["conv"], "c"),
        ("%xai net photo --target s", ["square"], "s"),
        ("%xai net photo --target gr", ['"great white stripe"'], "gr"),
        ('%xai net photo --target "great wh', ['"great white stripe"'], '"great wh'),
        ("%xai net photo -m occlusion -p win", ["window="], "win"),
    ],
)
def test_tab_offers_what_fits_there(magic: Kernel, line: str, expected: list[str], replaced: str) -> None:
    assert offered(magic, line) == (expected, replaced)


def test_tab_runs_no_model(magic: Kernel) -> None:
    before = magic.run("print(Slow.shown)")
    assert offered(magic, "%xai net photo --target no")[0] == ["noise"]
    assert "conv" not in offered(magic, "%xai Slow() photo --layer c")[0]
    assert magic.run("print(Slow.shown)") == before


def test_loading_twice_offers_everything_once_and_unloading_nothing(magic: Kernel) -> None:
    magic.run("import xai_widget; xai_widget.load_ipython_extension(get_ipython())")
    assert offered(magic, "%xai net photo -m occ") == (["occlusion"], "occ")
    assert magic.run("print(len(get_ipython().Completer.custom_matchers))") == "1\n"
    magic.run("xai_widget.unload_ipython_extension(get_ipython())\nxai_widget.unload_ipython_extension(get_ipython())")
    assert "not found" in magic.run("%xai net photo")
    magic.run("xai_widget.load_ipython_extension(get_ipython())")


def test_the_help_lists_the_options(magic: Kernel) -> None:
    cell = magic.begin("help(get_ipython().find_line_magic('xai'))")
    text = magic.finish(cell)
    assert "--rather-than CLASS" in text
    assert "w = %xai model img" in text
