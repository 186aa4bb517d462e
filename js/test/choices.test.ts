import { describe, expect, it } from "vitest";
import { layerRefusals, neighbourLayer, suits, usableLayers } from "../src/layers";
import { effectiveNumber, isAuto, isDescribed, parseNumber, stepOf, withParameter } from "../src/parameters";
import type { LayerPayload, MethodPayload, ParamPayload } from "../src/protocol";
import { areProbabilities, barLength, ranking, searchClasses } from "../src/ranking";
import { OCCLUSION } from "./samples";

describe("classes", () => {
  const labels = ["black-and-tan coonhound, hound", "tabby cat", "tiger cat"];

  it("are ranked by probability", () => {
    expect(ranking(Float32Array.of(0.1, 0.6, 0.3))).toEqual([1, 2, 0]);
  });

  it("are found by every word, in any case, or by number", () => {
    expect(searchClasses([1, 2, 0], labels, "CAT")).toEqual([1, 2]);
    expect(searchClasses([1, 2, 0], labels, "hound tan")).toEqual([0]);
    expect(searchClasses([1, 2, 0], labels, "2")).toEqual([2]);
    expect(searchClasses([1, 2, 0], labels, "lynx")).toEqual([]);
  });

  it("have bars of their probability, or relative to the largest score", () => {
    expect(barLength(0.3, Float32Array.of(0.3, 0.7), true)).toBeCloseTo(0.3);
    expect(barLength(3, Float32Array.of(-1, 3, 6), false)).toBe(0.5);
    expect(barLength(-1, Float32Array.of(-1, -2), false)).toBe(0);
    expect(areProbabilities(Float32Array.of(0.2, 0.9))).toBe(true);
    expect(areProbabilities(Float32Array.of(-0.2, 3))).toBe(false);
  });
});

describe("layers", () => {
  const layers = ["a", "b", "c", "d"].map(
    (name): LayerPayload => ({ name, type: "Conv2d", shape: [1, 2, 2], calls: 1 }),
  );
  const method = {
    uses_layer: true,
    default_layer: "c",
    layer_refusals: [null, "too flat", null, "too flat"],
  } as unknown as MethodPayload;

  it("are offered where they make sense; refusals are told once each", () => {
    expect(usableLayers(method, layers)).toEqual(["a", "c"]);
    expect(layerRefusals(method, layers)).toEqual([{ reason: "too flat", layers: ["b", "d"] }]);
  });

  it("are stepped through past those that make no sense", () => {
    expect(neighbourLayer(null, method, layers, -1)).toBe("a");
    expect(neighbourLayer("a", method, layers, 1)).toBe("c");
    expect(neighbourLayer("c", method, layers, 1)).toBeNull();
    expect(neighbourLayer(["a", "c"], method, layers, -1)).toBe("a");
  });

  it("are kept for another method only if it can use them", () => {
    expect(suits(method, layers, "c")).toBe(true);
    expect(suits(method, layers, ["a", "b"])).toBe(false);
    expect(suits(method, layers, null)).toBe(true);
    expect(suits({ ...method, uses_layer: false }, layers, "b")).toBe(true);
  });
});

describe("parameters", () => {
  const stride: ParamPayload = {
    name: "stride",
    label: "Stride",
    help: "",
    kind: "int",
    default: null,
    auto: 18,
    min: 1,
    max: 64,
    step: null,
    choices: null,
  };
  const steps: ParamPayload = { ...stride, name: "steps", default: 32 };

  it("travel only where they differ from the default", () => {
    expect(withParameter({ window: 8 }, stride, 4)).toEqual({ window: 8, stride: 4 });
    expect(withParameter({ window: 8, stride: 4 }, stride, undefined)).toEqual({ window: 8 });
    expect(withParameter({ steps: 8 }, steps, 32)).toEqual({});
  });

  it("stand at what was set, at the default, or at what auto comes to", () => {
    expect([effectiveNumber(stride, undefined), effectiveNumber(stride, 3)]).toEqual([18, 3]);
    expect(effectiveNumber(steps, undefined)).toBe(32);
    expect([isAuto(stride, undefined), isAuto(stride, 3), isAuto(steps, undefined)]).toEqual([true, false, false]);
  });

  it("are rounded and kept within their range", () => {
    expect(parseNumber(stride, "2.6")).toBe(3);
    expect(parseNumber(stride, "500")).toBe(64);
    expect(parseNumber({ ...stride, kind: "float", max: null }, "2.6")).toBe(2.6);
    expect([parseNumber(stride, ""), parseNumber(stride, "many")]).toEqual([null, null]);
  });

  it("move by their step, or by a hundredth of their range", () => {
    expect(stepOf(stride)).toBe(1);
    expect(stepOf({ ...stride, kind: "float", min: 0, max: 2 })).toBe(0.02);
    expect(stepOf({ ...stride, step: 4 })).toBe(4);
  });
});

describe("what a run costs", () => {
  it("is known for the settings that the kernel has described", () => {
    expect(isDescribed(OCCLUSION, {})).toBe(true);
    expect(isDescribed(OCCLUSION, { window: 8 })).toBe(false);
    expect(isDescribed({ ...OCCLUSION, described: { window: 8 } }, { window: 8 })).toBe(true);
    expect(isDescribed({ ...OCCLUSION, described: { window: 8 } }, {})).toBe(false);
  });

  it("compares arrays, which stay in the kernel, by what is told of them", () => {
    const given = { ...OCCLUSION, described: { window: { array: "2x2" } } };
    expect(isDescribed(given, { window: { array: "2x2" } })).toBe(true);
    expect(isDescribed(given, { window: null })).toBe(false);
  });
});
