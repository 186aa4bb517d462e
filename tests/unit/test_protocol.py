"""Kernel and page speak of the same messages: `protocol.py` and the payloads against `protocol.ts`."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from tests.transformer_zoo import torchvision_vit
from tests.zoo import ZOO, picture
from xai_widget.attribution import Attribution
from xai_widget.binding import Binding
from xai_widget.explainers import build_method, method_classes
from xai_widget.inputs import read_input
from xai_widget.page import result_payload, session_payload, wire_target
from xai_widget.session import Session
from xai_widget.targets import Contrast
from xai_widget.view import DEFAULT_VIEW, Layout, View, check_view
from xai_widget.widget import protocol

SOURCE = (Path(__file__).parents[2] / "js" / "src" / "protocol.ts").read_text("utf-8")
CODE = re.sub(r"/\*.*?\*/|//[^\n]*", "", SOURCE, flags=re.DOTALL)


# -- reading TypeScript ---------------------------------------------------------------------------------------------


def constant(name: str) -> tuple[str, ...]:
    """The strings of `export const NAME = [...] as const`."""
    found = re.search(rf"export const {name} = \[(.*?)\] as const;", CODE, re.DOTALL)
    assert found is not None, name
    return tuple(re.findall(r'"([^"]*)"', found[1]))


def fields(body: str) -> dict[str, str]:
    """The fields of `{ a: T; b: U }`, without the braces, with their types."""
    parts = [part.strip() for part in split(body, ";") if part.strip()]
    return {name.strip(): kind.strip() for name, kind in (part.split(":", 1) for part in parts)}


def split(text: str, separator: str) -> list[str]:
    """Split at `separator` where no bracket is open."""
    parts, depth, part = [], 0, ""
    for character in text:
        depth += (character in "([{<") - (character in ")]}>")
        if character == separator and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
    return [*parts, part]


INTERFACES = {name: fields(body) for name, body in re.findall(r"export interface (\w+) \{(.*?)\n\}", CODE, re.DOTALL)}
ALIASES = dict(re.findall(r"export type (\w+) =(.*?);\n(?=\n|export|$)", CODE, re.DOTALL))


def fits(value: Any, kind: str) -> bool:
    """Whether a JSON value is of a TypeScript type."""
    kind = kind.strip().removeprefix("|").strip()
    options = split(kind, "|")
    if len(options) > 1:
        return any(fits(value, option) for option in options)
    if kind in INTERFACES:
        return has_fields(value, INTERFACES[kind])
    if kind in ALIASES:
        return fits(value, ALIASES[kind])
    return fits_compound(value, kind) if kind[-1] in ")]}>" else fits_simple(value, kind)


def fits_simple(value: Any, kind: str) -> bool:
    """`number`, `string`, `boolean`, `null`, or a literal."""
    types = {"number": {int, float}, "string": {str}, "boolean": {bool}, "null": {type(None)}}
    return type(value) in types[kind] if kind in types else bool(value == json.loads(kind))


def fits_compound(value: Any, kind: str) -> bool:
    """`(A)`, `A[]`, `[A, B]`, `{ a: A }`, `Record<string, A>`, `(typeof WORDS)[number]`."""
    match re.fullmatch(
        r"\(typeof (\w+)\)\[number\]|Record<string, (.*)>|(.*)\[\]|\[(.*)\]|\{(.*)\}|\((.*)\)", kind
    ).groups():
        case words, None, None, None, None, None:
            return value in constant(words)
        case None, item, None, None, None, None:
            return isinstance(value, dict) and all(fits(entry, item) for entry in value.values())
        case None, None, item, None, None, None:
            return isinstance(value, list) and all(fits(entry, item) for entry in value)
        case None, None, None, items, None, None:
            kinds = split(items, ",")
            return isinstance(value, list) and len(value) == len(kinds) and all(map(fits, value, kinds))
        case None, None, None, None, body, None:
            return has_fields(value, fields(body))
        case *_, inner:
            return fits(value, inner)


def has_fields(value: Any, wanted: Mapping[str, str]) -> bool:
    if not isinstance(value, dict) or value.keys() != wanted.keys():
        return False
    return all(fits(value[name], kind) for name, kind in wanted.items())


def as_json(value: Any) -> Any:
    """What arrives of a value; not-a-number and infinity may not travel."""
    return json.loads(json.dumps(value, allow_nan=False))


def assert_fits(value: Any, kind: str) -> None:
    found = as_json(value)
    if kind in INTERFACES:
        assert found.keys() == INTERFACES[kind].keys()
        for name, field_kind in INTERFACES[kind].items():
            assert fits(found[name], field_kind), f"{kind}.{name}: {found[name]!r} is no {field_kind}"
    assert fits(found, kind)


# -- the reader itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (1.5, "number", True),
        (True, "number", False),
        (None, "string | null", True),
        (["a", None], "(string | null)[]", True),
        (["a", 1], "(string | null)[]", False),
        ([1, 2], "[number, number, number]", False),
        ({"target": 1, "foil": 2}, "WireTarget", True),
        ({"target": 1}, "WireTarget", False),
        ("running", "State", True),
        ("walking", "State", False),
        ({"kind": "ack", "request_id": "r", "of": "run", "message": ""}, "KernelMessage", True),
        ({"kind": "ack", "request_id": "r", "of": "result", "message": ""}, "KernelMessage", False),
        ({"window": {"deep": 1}}, "Record<string, Value>", False),
    ],
)
def test_types_are_read_as_typescript_means_them(value: Any, kind: str, expected: bool) -> None:
    assert fits(value, kind) is expected


# -- constants ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["CLIENT_KINDS", "KERNEL_KINDS", "STATES", "CONTROLS"])
def test_both_sides_list_the_same_words(name: str) -> None:
    assert constant(name) == getattr(protocol, name)


def test_both_sides_know_the_same_traits() -> None:
    assert set(constant("TRAITS")) == set(protocol.TRAITS)
    assert INTERFACES["Traits"].keys() == set(protocol.TRAITS)
    assert set(protocol.SETTINGS) < set(protocol.TRAITS)


def test_the_types_in_python_list_the_words_too() -> None:
    assert get_args(protocol.State) == protocol.STATES


def test_display_settings_have_the_same_defaults() -> None:
    found = re.search(r"export const DEFAULT_VIEW: View = \{(.*?)\};", CODE, re.DOTALL)
    assert found is not None
    pairs = [part.split(":") for part in found[1].split(",") if part.strip()]
    assert {name.strip(): json.loads(value) for name, value in pairs} == DEFAULT_VIEW
    assert INTERFACES["View"].keys() == View.__annotations__.keys()


def test_both_sides_know_the_same_modes_of_display() -> None:
    for mode in constant("MODES"):
        assert check_view({"mode": mode})["mode"] == mode
    with pytest.raises(ValueError, match=", ".join(f".*{mode}" for mode in constant("MODES"))):
        check_view({"mode": "sideways"})


def test_both_sides_know_the_same_layouts_of_a_volume() -> None:
    assert constant("LAYOUTS") == get_args(Layout)


def test_there_is_a_message_for_every_kind() -> None:
    kinds = re.findall(r'kind: "(\w+)"', ALIASES["KernelMessage"])
    assert sorted([*kinds, "error"]) == sorted(protocol.KERNEL_KINDS)
    assert INTERFACES["Asks"].keys() == set(protocol.CLIENT_KINDS)


# -- payloads -------------------------------------------------------------------------------------------------------


def session_of(name: str) -> Session:
    model = ZOO[name]()
    return Session(model, [read_input(picture(), model)], Binding())


@pytest.mark.parametrize("name", ["plain", "flat head"])
def test_a_session_travels_as_the_page_reads_it(name: str) -> None:
    payload, buffers = session_payload(session_of(name), 0, ["picture"], [cls() for cls in method_classes().values()])
    assert_fits(payload, "SessionPayload")
    for method in payload["methods"]:
        assert_fits(method, "MethodPayload")
        assert len(method["layer_refusals"]) == len(payload["layers"])
        for parameter in method["params"]:
            assert_fits(parameter, "ParamPayload")
    for layer in payload["layers"]:
        assert_fits(layer, "LayerPayload")
    assert len(buffers) == 2
    assert_fits({"kind": "session", "request_id": None, "session": payload}, "KernelMessage")


@pytest.mark.parametrize("method", method_classes())
def test_a_result_travels_as_the_page_reads_it(method: str) -> None:
    built = build_method(method, {})
    session = session_of("plain")
    if built.refuses(session.facts) is not None:  # it follows attention
        model = torchvision_vit().eval()
        session = Session(model, [read_input(picture(side=32), model)], Binding())
    for (attribution,) in session.run(built, [Contrast(1, 2)]):
        payload, buffers = result_payload(attribution, 0, built.label)
        assert_fits(payload, "ResultPayload")
        assert len(buffers) == (2 if payload["has_error"] else 1)
        assert payload["has_error"] == (attribution.error is not None)
        assert_fits({"kind": "result", "request_id": 3, "result": payload}, "KernelMessage")


def test_a_result_with_values_that_are_no_numbers_still_travels() -> None:
    values = np.array([[np.nan, np.inf], [-np.inf, 2]], np.float32)
    attribution = Attribution(values, "occlusion", {}, len, "length", ("a", "b"), (2, 2))
    payload, _ = result_payload(attribution, 0, "Occlusion")
    assert_fits(payload, "ResultPayload")
    assert (payload["minimum"], payload["maximum"]) == (2.0, 2.0)


@pytest.mark.parametrize("target", [None, 3, Contrast(1, 2), len, "margin"])
def test_targets_travel_as_the_page_reads_them(target: Any) -> None:
    assert_fits(wire_target(target), "WireTarget")


def test_a_status_travels_as_the_page_reads_it() -> None:
    assert_fits(protocol.status("running", 3, fraction=0.123456, message="Occlusion", eta_s=1.26), "Status")
    assert protocol.status("running", 3, fraction=0.123456, eta_s=1.26)["eta_s"] == 1.3
    assert_fits(protocol.status("idle", None), "Status")
    assert protocol.Status.__annotations__.keys() == INTERFACES["Status"].keys()


def test_an_error_travels_as_the_page_reads_it() -> None:
    report = protocol.error_report(ValueError("no such class"))
    assert_fits({"kind": "error", "request_id": None, "error": report}, "KernelMessage")
    assert report["title"] == "no such class"
    assert protocol.error_report(KeyError("a"))["title"] == "KeyError: 'a'"


def test_advice_added_to_an_exception_becomes_the_hint() -> None:
    error = RuntimeError("mat1 and mat2")
    error.add_note("Pass transform=.")
    assert protocol.error_report(error)["hint"] == "Pass transform=."
    assert "run again" in protocol.error_report(RuntimeError("other"))["hint"]


def test_answers_travel_as_the_page_reads_them() -> None:
    for kind in protocol.CLIENT_KINDS:
        assert_fits(protocol.ack(kind, "r1", "heard"), "KernelMessage")
    for kind in ("superseded", "cancelled"):
        assert_fits({"kind": kind, "request_id": 2}, "KernelMessage")
