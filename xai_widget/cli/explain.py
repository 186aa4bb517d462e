"""`xai-widget explain`: heat maps of pictures and volumes, one by one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from xai_widget.cli.binding import Asked, asked, model_options, question_options
from xai_widget.cli.method_options import MethodCommand
from xai_widget.cli.sections import OUTPUT, blamed_on, option, remark, said, talking, trace, verbosity

if TYPE_CHECKING:
    from xai_widget.attribution import Attribution
    from xai_widget.explainers import Method
    from xai_widget.inputs import ModelInput
    from xai_widget.session import Session

FORMATS: Final = ("png", "npz", "nii.gz")
# Of a picture, and of a volume.
USUAL: Final = {2: ("png",), 3: ("png", "nii.gz")}
NIFTI: Final = (".nii.gz", ".nii")


@click.command(cls=MethodCommand)
@click.argument("inputs", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@model_options(required=True)
@question_options(method="grad_cam")
@option(
    OUTPUT,
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    show_default="this folder",
    help="Folder for the files, made if need be; files of the same name are replaced.",
)
@option(
    OUTPUT,
    "-f",
    "--format",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    help="Repeat it for several. png: seen; npz: all numbers, for Attribution.load; nii.gz: volumes, in the space of the"
    " input. Default: png, and nii.gz for volumes.",
)
@option(OUTPUT, "--json", "as_json", is_flag=True, help="One JSON object a line instead of words.")
@talking
def explain(
    inputs: Sequence[Path],
    out: Path,
    formats: Sequence[str],
    as_json: bool,
    method: str,
    params: Mapping[str, Any],
    **options: Any,
) -> None:
    r"""Explain pictures and volumes (.nii, .nii.gz).

    For each FILE, writes NAME.METHOD.png (and more, see --format) and prints the class that was asked about, its
    probability, and what was written. An input that fails is reported, and the others go on.

    \b
    xai-widget explain cat.jpg --model torchvision:resnet50 --weights resnet50.safetensors --out maps/
    xai-widget explain *.png --model nets:make --method occlusion --window 32 --stride 16
    xai-widget explain --method occlusion --help
    """
    run = _Run(asked(options), method, params)
    with blamed_on("--out"):
        out.mkdir(parents=True, exist_ok=True)
    failures = 0
    for path, stem in zip(inputs, stems(inputs), strict=True):
        try:
            answer = run.answer(path, out / f"{stem}.{method}", formats)
        except click.ClickException:
            raise
        except Exception as error:  # noqa: BLE001 - the person's model or transform may raise anything; the others go on
            failures += 1
            _tell_failure(path, error, as_json)
        else:
            click.echo(json.dumps(answer) if as_json else _line(answer))
    if failures:
        remark(f"{failures} of {len(inputs)} inputs failed.")
        click.get_current_context().exit(1)


@dataclass
class _Run:
    """One question to one model, about one input after the other."""

    asked: Asked
    name: str
    params: Mapping[str, Any]
    # Whether the question has been found to fit the model; before, an error is the question's and not the input's.
    accepted: bool = False
    remarks: tuple[str, ...] = ()

    def answer(self, path: Path, stem: Path, formats: Sequence[str]) -> dict[str, Any]:
        """Explain one input, write the files, and return what there is to say."""
        from xai_widget.explainers import build_method  # noqa: PLC0415 - brings torch
        from xai_widget.inputs import read_batch  # noqa: PLC0415

        if path.is_dir():
            message = f"{str(path)!r} is a folder; name its files, or use `xai-widget cohort`."
            raise ValueError(message)
        binding = self.asked.binding
        (item,) = read_batch([path], self.asked.model, transform=binding.get("transform"), dims=binding.get("dims"))
        if "nii.gz" in formats and item.tensor.ndim == 4:
            message = "nii.gz is for volumes, and this is a picture: use --format png or npz."
            raise ValueError(message)
        method = build_method(self.name, self.params)
        session = self._session(item, method)
        for note in session.notes:
            if note not in self.remarks:
                remark(note)
        self.remarks += session.notes
        attribution = self._explained(session, method, path.name)
        remark(
            f"{path}: {'' if attribution.layer is None else f'layer {attribution.layer}, '}{attribution.meta['forwards']} forwards and"
            f" {attribution.meta['backwards']} backwards of {session.facts.model} in {attribution.meta['seconds']:.2f} s,"
            f" map of {'x'.join(map(str, attribution.values.shape))}",
            level=1,
        )
        endings = formats or USUAL[len(attribution.input_size)]
        written = [str(attribution.save(stem.with_name(f"{stem.name}.{ending}"))) for ending in endings]
        return {"input": str(path), "status": "ok", **_facts(session, attribution, self.asked.target), "files": written}

    def _session(self, item: "ModelInput", method: "Method") -> "Session":
        from xai_widget.binding import Binding  # noqa: PLC0415 - brings torch
        from xai_widget.session import Session  # noqa: PLC0415

        try:
            session = Session(self.asked.model, [item], Binding(**self.asked.binding))
            session.case(method, [self.asked.target], self.asked.layer)
        except (ValueError, TypeError) as error:
            if self.accepted:
                raise
            raise click.UsageError(said(error)) from error
        self.accepted = True
        return session

    def _explained(self, session: "Session", method: "Method", name: str) -> "Attribution":
        from tqdm import tqdm  # noqa: PLC0415 - needed here only

        # On a terminal alone, and only where it takes a while.
        hidden = True if verbosity() < 0 else None
        with tqdm(total=100, desc=name, disable=hidden, leave=False, delay=1, bar_format=BAR) as bar:
            for last in session.run(method, [self.asked.target], self.asked.layer):
                bar.update(round(100 * last[0].meta["fraction"]) - bar.n)
        found: Attribution = last[0]
        return found


BAR: Final = "{desc}: {percentage:3.0f}% |{bar}| {elapsed}, {remaining} left"


def stems(paths: Sequence[Path]) -> Iterator[str]:
    """Yield a name for each input, without its ending; several of one name are numbered.

    Examples
    --------
    >>> list(stems([Path("a/cat.png"), Path("b/cat.jpg"), Path("scan.nii.gz")]))
    ['cat', 'cat-2', 'scan']
    """
    used: set[str] = set()
    for path in paths:
        ending = next((ending for ending in NIFTI if path.name.lower().endswith(ending)), path.suffix)
        plain = path.name.removesuffix(path.name[len(path.name) - len(ending) :]) if ending else path.name
        stem, number = plain, 1
        while stem in used:
            number += 1
            stem = f"{plain}-{number}"
        used.add(stem)
        yield stem


def _facts(session: "Session", attribution: "Attribution", target: Any) -> dict[str, Any]:
    best = session.predictions()[0]
    index = session.question(target).index
    return {
        "method": attribution.method,
        "label": attribution.label,
        "target": index,
        "probability": None if index is None else float(session.probabilities[0, index]),
        "prediction": {"index": best[0], "label": best[1], "probability": best[2]},
        "layer": attribution.layer,
        "seconds": attribution.meta["seconds"],
    }


def _line(answer: Mapping[str, Any]) -> str:
    best = answer["prediction"]
    other = "" if best["index"] == answer["target"] else f" (predicted: {best['label']}, {best['probability']:.3f})"
    return f"{answer['input']}: {answer['label']}, {answer['probability']:.3f}{other} -> {', '.join(answer['files'])}"


def _tell_failure(path: Path, error: Exception, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"input": str(path), "status": "error", "error": said(error)}))
    click.echo(f"{path}: {said(error)}", err=True)
    trace(error)
