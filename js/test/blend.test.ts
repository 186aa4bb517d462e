import { describe, expect, it } from "vitest";
import { createPainter } from "../src/paint/painter";
import { colourTable } from "../src/paint/tables";
import { DEFAULT_VIEW, type View } from "../src/protocol";
import { result, session } from "./samples";

/** Paint values over a picture of one grey, one pixel a value; returns red, green, blue of each. */
function painted(values: number[], signed: boolean, view: Partial<View>, grey = 100): number[][] {
  const out = new Uint8ClampedArray(values.length * 4);
  const scene = {
    session: session(values.length, 1, new Uint8Array(values.length * 3).fill(grey)),
    result: result(values, { signed }),
    view: { ...DEFAULT_VIEW, colormap: "gray", ...view },
    regions: null,
    top: null,
    scale: 1,
  };
  createPainter().paint(scene, out);
  return values.map((_, i) => [...out.subarray(i * 4, i * 4 + 3)]);
}
const greys = (pixels: number[][]) => pixels.map(([red]) => red);

describe("blending a heat map with its picture", () => {
  it("mixes colour and picture by the opacity", () => {
    // gray[round(t * 255)] = 0, 128, 255; each half and half with 100, rounded half up
    expect(greys(painted([0, 1, 2], false, {}))).toEqual([50, 114, 178]);
    expect(greys(painted([0, 1, 2], false, { opacity: 1 }))).toEqual([0, 128, 255]);
    expect(greys(painted([0, 1, 2], false, { opacity: 0 }))).toEqual([100, 100, 100]);
  });

  it("leaves the picture alone below the threshold, and shows what reaches it", () => {
    expect(greys(painted([0.4, 0.5, 1], false, { threshold: 0.5, opacity: 1 }))).toEqual([100, 128, 255]);
  });

  it("shows the colour of zero below the threshold in a map", () => {
    expect(greys(painted([0.4, 1], false, { threshold: 0.5, mode: "map", opacity: 0.1 }))).toEqual([0, 255]);
    expect(greys(painted([-0.4, 1], true, { threshold: 0.5, mode: "map" }))).toEqual([128, 255]);
  });

  it("shows the picture alone on request", () => {
    expect(greys(painted([0, 1], false, { mode: "image", opacity: 1 }))).toEqual([100, 100]);
  });

  it("bends the scale by gamma", () => {
    // 0.25 ** 0.5 = 0.5 and 0.5 ** 2 = 0.25: colours 128 and 64
    expect(greys(painted([0.25, 1], false, { gamma: 0.5, opacity: 1 }))).toEqual([128, 255]);
    expect(greys(painted([0.5, 1], false, { gamma: 2, opacity: 1 }))).toEqual([64, 255]);
    expect(greys(painted([-0.5, 1], true, { gamma: 2, mode: "map" }))).toEqual([96, 255]);
  });

  it("centres signed maps on zero", () => {
    expect(greys(painted([-2, -1, 0, 1, 2], true, { mode: "map" }))).toEqual([0, 64, 128, 191, 255]);
  });

  it("covers the picture less where a signed map is weak, and not at all at zero", () => {
    // -1 and 1 are half of the maximum: full cover, colours 64 and 191; 0.5 is a quarter: half of 100 and of 159
    expect(greys(painted([-2, -1, 0, 0.5, 1], true, { opacity: 1 }))).toEqual([0, 64, 100, 130, 191]);
    expect(greys(painted([-2, -1, 0], true, { opacity: 0.5 }))).toEqual([50, 82, 100]);
  });

  it("takes negative values of an unsigned map for zero", () => {
    expect(greys(painted([-5, 1], false, { opacity: 1 }))).toEqual([0, 255]);
  });

  it("paints the colour of zero where all is zero", () => {
    expect(greys(painted([0, 0], false, { opacity: 1 }))).toEqual([0, 0]);
    expect(greys(painted([0, 0], true, { mode: "map" }))).toEqual([128, 128]);
    expect(greys(painted([0, 0], true, { opacity: 1 }))).toEqual([100, 100]);
    expect(greys(painted([-3, -1], false, { opacity: 1 }))).toEqual([0, 0]);
  });

  it("takes what is not finite for zero, and scales by the rest", () => {
    expect(greys(painted([Number.NaN, Number.POSITIVE_INFINITY, 2], false, { opacity: 1 }))).toEqual([0, 0, 255]);
    expect(greys(painted([Number.NaN, Number.NEGATIVE_INFINITY, -2], true, { mode: "map" }))).toEqual([128, 128, 0]);
  });

  it("chooses the automatic table by the kind of map", () => {
    const at = (name: string, index: number) => [...colourTable(name, false).subarray(3 * index, 3 * index + 3)];
    const view = { colormap: "auto", opacity: 1 };
    expect(painted([0, 1], false, view)).toEqual([at("inferno", 0), at("inferno", 255)]);
    expect(painted([-1, 1], true, view)).toEqual([at("RdBu_r", 0), at("RdBu_r", 255)]);
    expect(at("inferno", 0)).toEqual([0, 0, 4]);
    expect(at("RdBu_r", 255)).toEqual([103, 0, 31]);
  });

  it("shows the picture, fully opaque, where there is no map yet", () => {
    const out = new Uint8ClampedArray(4);
    const scene = { session: session(1, 1, Uint8Array.of(1, 2, 3)), result: null, regions: null, top: null, scale: 1 };
    createPainter().paint({ ...scene, view: DEFAULT_VIEW }, out);
    expect([...out]).toEqual([1, 2, 3, 255]);
  });

  it("takes a given top instead of the map's own", () => {
    const out = new Uint8ClampedArray(4);
    const view = { ...DEFAULT_VIEW, colormap: "gray", opacity: 1 };
    const scene = { session: session(1, 1, Uint8Array.of(1, 2, 3)), result: result([1]), regions: null, scale: 1 };
    createPainter().paint({ ...scene, view, top: 2 }, out);
    expect([...out]).toEqual([128, 128, 128, 255]);
  });
});
