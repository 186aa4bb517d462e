import { describe, expect, it } from "vitest";
import { levelColours, shownLevels } from "../src/paint/contours";
import { createPainter, frameSize, type Scene } from "../src/paint/painter";
import { trace } from "../src/paint/traces";
import { DEFAULT_VIEW, type View } from "../src/protocol";
import { regions, result, session } from "./samples";

/** The red of every pixel of a scene over a grey picture, row by row. */
function reds(view: Partial<View>, change: Partial<Scene> = {}, width = 9, grey = 100): number[] {
  const scene: Scene = {
    session: session(width, 1, new Uint8Array(3 * width).fill(grey)),
    result: result(Array.from({ length: width }, (_, x) => x)),
    view: { ...DEFAULT_VIEW, colormap: "gray", ...view },
    regions: null,
    top: null,
    scale: 1,
    ...change,
  };
  const size = frameSize(scene);
  const out = new Uint8ClampedArray(size.width * size.height * 4);
  createPainter().paint(scene, out);
  return [...out].filter((_, place) => place % 4 === 0);
}

const slope = (width: number, height: number) => Float32Array.from({ length: width * height }, (_, at) => at % width);

describe("tracing a line", () => {
  it("measures how far each pixel is from it, squared", () => {
    const near = trace({ width: 4, height: 2, values: slope(4, 2) }, [{ height: 1.25, snap: null }], 1.5);
    const far = Number.POSITIVE_INFINITY;
    expect([...near.away]).toEqual([1.5625, 0.0625, 0.5625, far, 1.5625, 0.0625, 0.5625, far]);
  });

  it("may lie at a fixed place between two cells", () => {
    const near = trace({ width: 2, height: 2, values: Float32Array.of(0, 9, 0, 9) }, [{ height: 1, snap: 0.5 }], 2);
    expect([...near.away]).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  it("names the nearest line, the first of two that are equally near", () => {
    const lines = [
      { height: 2, snap: null },
      { height: 1, snap: null },
    ];
    const near = trace({ width: 4, height: 2, values: slope(4, 2) }, lines, 2);
    expect([...near.line.slice(0, 4)]).toEqual([1, 1, 0, 0]);
    const wall = trace(
      { width: 2, height: 2, values: Float32Array.of(0, 9, 0, 9) },
      [
        { height: 6, snap: 0.5 },
        { height: 3, snap: 0.5 },
      ],
      2,
    );
    expect([...wall.line]).toEqual([0, 0, 0, 0]);
  });

  it("joins what touches at a corner where the middle of four pixels belongs to both", () => {
    const nearest = (height: number) =>
      trace({ width: 2, height: 2, values: Float32Array.of(4, 0, 0, 4) }, [{ height, snap: null }], 0.8).away[0];
    expect(nearest(2)).toBe(0.25);
    expect(nearest(2.2)).toBeCloseTo(0.10125, 12);
  });
});

describe("contours", () => {
  it("stand at a fifth, two, three and four fifths, at both signs of a signed map", () => {
    expect(shownLevels(0, false)).toEqual([4, 3, 2, 1]);
    expect(shownLevels(0, true)).toEqual([4, -4, 3, -3, 2, -2, 1, -1]);
    expect(shownLevels(0.6, false)).toEqual([4, 3]);
    expect(shownLevels(0.81, true)).toEqual([]);
  });

  it("have no dark colours", () => {
    const view = { ...DEFAULT_VIEW, colormap: "gray" };
    expect(levelColours(false, view).slice(5)).toEqual([
      [120, 120, 120],
      [120, 120, 120],
      [153, 153, 153],
      [204, 204, 204],
    ]);
    // The dark red and dark blue of large values become vivid: first the hue at its brightest, then some white.
    const [blue, red] = [levelColours(true, DEFAULT_VIEW)[0], levelColours(true, DEFAULT_VIEW)[8]];
    expect(blue[2]).toBeGreaterThan(190);
    expect(red[0]).toBeGreaterThan(220);
  });

  it("leave the picture as it is where no level is shown, or nothing is there", () => {
    const plain = new Array(9).fill(100);
    expect(reds({ mode: "contours", threshold: 0.9 })).toEqual(plain);
    expect(reds({ mode: "contours" }, { result: result([0, 0]) })).toEqual(plain);
  });
});

describe("the modes that show the picture, too", () => {
  it("puts the picture left and the overlay right of a gap", () => {
    const seen = reds({ mode: "side", opacity: 1 }, { result: result([0, 1]) }, 2);
    expect(seen).toEqual([100, 100, 128, 128, 0, 255]);
  });

  it("keeps the overlay left of the curtain", () => {
    const seen = reds({ mode: "curtain", opacity: 1, curtain: 0.5 }, { result: result([1]) }, 8, 200);
    // A white line at column 4 between two dark pixels: 40 % of 255 and of 200.
    expect(seen).toEqual([255, 255, 255, 102, 255, 80, 200, 200]);
  });

  it("hides the curtain's line where it is fully open or closed", () => {
    expect(reds({ mode: "curtain", opacity: 1, curtain: 0 }, { result: result([1]) })).toEqual(new Array(9).fill(100));
    expect(reds({ mode: "curtain", opacity: 1, curtain: 1 }, { result: result([1]) })).toEqual(new Array(9).fill(255));
  });

  it("shows the picture where regions are not known, or there are none", () => {
    const plain = new Array(9).fill(100);
    expect(reds({ mode: "regions" })).toEqual(plain);
    expect(reds({ mode: "regions" }, { regions: regions(9, 1, new Uint8Array(9)) })).toEqual(plain);
  });

  it("dims what lies outside the regions", () => {
    const labels = Uint8Array.from({ length: 300 }, (_, x) => (x < 150 ? 1 : 0));
    const seen = reds({ mode: "regions" }, { regions: regions(300, 1, labels) }, 300);
    expect([seen[20], seen[280]]).toEqual([100, 40]);
  });

  it("has a frame of the picture's size, or two pictures and a gap", () => {
    const scene = (mode: View["mode"]): Scene => ({
      session: session(80, 10, new Uint8Array(2400)),
      result: result([1]),
      view: { ...DEFAULT_VIEW, mode },
      regions: null,
      top: null,
      scale: 3,
    });
    expect(frameSize(scene("overlay"))).toEqual({ width: 240, height: 30 });
    expect(frameSize(scene("side"))).toEqual({ width: 486, height: 30 });
    expect(frameSize({ ...scene("side"), result: null })).toEqual({ width: 240, height: 30 });
  });

  it("frames the box in white between dark lines", () => {
    const seen = reds({ box: true, box_threshold: 0.5, opacity: 0 }, { result: result([0, 0, 0, 0, 1, 1, 1, 1, 1]) });
    expect(seen).toEqual([100, 100, 100, 40, 255, 255, 255, 255, 255]);
  });
});
