import { describe, expect, it } from "vitest";
import { decodeSession, type Session } from "../src/paint/decode";
import { DEFAULT_VIEW, type MethodPayload } from "../src/protocol";
import { strings } from "../src/strings";
import { type Asked, askedOf, literal, numbersCode, type Shown, viewCode } from "../src/taking/code";
import { OCCLUSION, RESULT, SESSION, SESSION_BUFFERS, WINDOW } from "./samples";

const TEXT = strings(null);
const NOISE: MethodPayload = {
  ...OCCLUSION,
  id: "noise",
  params: [
    { ...WINDOW, name: "sigma", kind: "float", auto: null },
    { ...WINDOW, name: "seed", auto: null },
    { ...WINDOW, name: "relu", kind: "bool", auto: null },
  ],
  described: {},
};
const SHOWN: Shown = { view: DEFAULT_VIEW, expert: true, controls: null };
const ASKED: Asked = { method: "occlusion", params: { window: null }, target: 0, layer: null };

function session(labels = ["tabby", "tiger cat"]): Session {
  return decodeSession({ ...SESSION, labels, methods: [OCCLUSION, NOISE] }, SESSION_BUFFERS);
}

function view(asked: Partial<Asked>, change = {}, labels?: string[]): string {
  return viewCode(session(labels), { ...ASKED, ...asked }, { ...SHOWN, view: { ...DEFAULT_VIEW, ...change } }, TEXT);
}

describe("the code of a view", () => {
  it("says how a volume is shown, but not where somebody looks in it", () => {
    const code = view({}, { crosshair: [1, 2, 3], layout: "montage", tiles: 20, plane: 1, radiological: true });
    expect(code).toContain('view={"layout": "montage", "plane": 1, "tiles": 20, "radiological": True}');
    expect(view({}, { crosshair: [1, 2, 3] })).toBe(view({}));
  });

  it("names method, effective parameters and class", () => {
    expect(view({})).toBe(
      [
        "from xai_widget import XaiWidget",
        "",
        "# model: Net; img: cat.png",
        'w = XaiWidget(model, img, method="occlusion", params={"window": 32}, target="tabby")',
        "w",
        "",
      ].join("\n"),
    );
  });

  it("is broken into lines where it is long, and holds what differs from the usual display alone", () => {
    const code = view({ layer: ["layer3", "layer4"] }, { opacity: 1, mode: "map", cells: true });
    expect(code.split("\n").slice(3)).toEqual([
      "w = XaiWidget(",
      "    model,",
      "    img,",
      '    method="occlusion",',
      '    params={"window": 32},',
      '    target="tabby",',
      '    layer=["layer3", "layer4"],',
      '    view={"opacity": 1.0, "cells": True, "mode": "map"},',
      ")",
      "w",
      "",
    ]);
  });

  it("keeps the seed, the point of a float, and what is on or off", () => {
    const params = { sigma: 1, seed: 0, relu: false };
    expect(view({ method: "noise", params })).toContain('params={"sigma": 1.0, "seed": 0, "relu": False}');
  });

  it("says how much is shown where that is not everything", () => {
    const code = viewCode(session(), ASKED, { ...SHOWN, expert: false, controls: ["method", "save"] }, TEXT);
    expect(code).toContain('    controls=["method", "save"],\n    expert=False,\n)');
  });

  it("leaves a parameter out that is automatic in a way nobody knows", () => {
    expect(view({ method: "noise", params: { sigma: null } })).not.toContain("params");
    const other = { method: "occlusion", params: { window: null, stride: 4 } };
    expect(view(other)).toContain('params={"stride": 4}');
  });

  it("imports what a contrast needs", () => {
    const code = view({ target: { target: 1, foil: 0 } });
    expect(code).toContain("from xai_widget import Contrast, XaiWidget\n");
    expect(code).toContain('target=Contrast("tiger cat", "tabby")');
  });

  it("names a class by its number where its label does not tell it apart", () => {
    expect(view({ target: 1 }, {}, ["crane", "crane"])).toContain("target=1)");
    expect(view({ target: 1 }, {}, ["crane", " "])).toContain("target=1)");
    expect(view({ target: 5 })).toContain("target=5)");
  });

  it("says of arrays and functions that they are not written down", () => {
    const params = { window: 3, fill: { array: "Array(3x8x8\nof float32)" } };
    expect(
      view({ params, target: { callable: "margin" } })
        .split("\n")
        .slice(3, -2),
    ).toEqual([
      "w = XaiWidget(",
      "    model,",
      "    img,",
      '    method="occlusion",',
      '    params={"window": 3},',
      "    # fill is Array(3x8x8 of float32): not written down, add it here as fill=",
      "    # margin is a function of your own: not written down, pass it as target=",
      "    target=margin,",
      ")",
    ]);
    const unnamed = view({ target: { callable: "<lambda>" } });
    expect(unnamed).toContain("    # <lambda> is a function of your own");
    expect(unnamed).not.toContain("target=<");
  });
});

it("how the model is run and read is part of the code", () => {
  const bound = { precision: "bfloat16", dims: 2, transform: { array: "Compose" } };
  const code = viewCode({ ...session(), bound }, ASKED, SHOWN, TEXT);
  expect(code.split("\n").slice(8, -2)).toEqual([
    '    target="tabby",',
    '    precision="bfloat16",',
    "    dims=2,",
    "    # transform is Compose: not written down, add it here as transform=",
    ")",
  ]);
});

it("the code of the numbers has no display and passes parameters one by one", () => {
  const code = numbersCode(session(), { ...ASKED, layer: "layer4" }, TEXT);
  expect(code).toBe(
    [
      "from xai_widget import explain",
      "",
      "# model: Net; img: cat.png",
      'a = explain(model, img, method="occlusion", target="tabby", layer="layer4", window=32)',
      "a.values",
      "",
    ].join("\n"),
  );
});

describe("what is shown", () => {
  const settings: Asked = { method: "noise", params: {}, target: null, layer: null };

  it("is the map with all its parameters, not the settings that may have moved on", () => {
    const map = { ...RESULT, params: { window: 8 }, target: 1 };
    expect(askedOf(session(), map, settings)).toEqual(map);
  });

  it("is what the settings say while there is no map of this picture", () => {
    expect(askedOf(session(), null, settings)).toBe(settings);
    expect(askedOf(session(), { ...RESULT, session: 1 }, settings)).toBe(settings);
    expect(askedOf(session(), { ...RESULT, method: "given" }, settings)).toBe(settings);
  });
});

describe("a value in Python", () => {
  it.each([
    [null, "None"],
    [true, "True"],
    [false, "False"],
    [-3, "-3"],
    [0.25, "0.25"],
    [-0, "-0.0"],
    [1e-7, "1e-7"],
    [1.5e21, "1.5e+21"],
    [Number.POSITIVE_INFINITY, 'float("inf")'],
    [Number.NaN, 'float("nan")'],
    ["", '""'],
    ['a "b" \\ c', '"a \\"b\\" \\\\ c"'],
    ["two\nlines\t", '"two\\nlines\\t"'],
    ["it's", '"it\'s"'],
    ["고양이 🐈", '"고양이 🐈"'],
    ["\u2028\u007f\u0000", '"\\u2028\\u007f\\u0000"'],
  ])("%j is %s", (value, code) => {
    expect(literal(value)).toBe(code);
  });
});
