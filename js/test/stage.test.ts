import { describe, expect, it } from "vitest";
import type { Session } from "../src/paint/decode";
import { DEFAULT_VIEW, MODES } from "../src/protocol";
import { panels, shareInPanel } from "../src/ui/stage/panels";
import { rankIn, rankOf } from "../src/ui/stage/rank";
import { readingAt } from "../src/ui/stage/reading";
import { matters } from "../src/ui/stage/settings";
import { result, SESSION } from "./samples";

const session: Session = {
  ...SESSION,
  width: 4,
  height: 1,
  pixels: new Uint8Array(12),
  probabilities: Float32Array.of(1, 0),
};

describe("the rank of a value", () => {
  const sorted = Float32Array.of(-2, 0, 0, 1, 5);

  it("is the share of values that are lower", () => {
    expect(rankIn(sorted, 1)).toEqual({ lower: 0.6 });
    expect(rankIn(sorted, 0)).toEqual({ lower: 0.2 });
    expect(rankIn(sorted, 0.5)).toEqual({ lower: 0.6 });
  });

  it("names the two ends", () => {
    expect(rankIn(sorted, 5)).toBe("highest");
    expect(rankIn(sorted, -2)).toBe("lowest");
  });

  it("means nothing where all values are the same, or there is no number", () => {
    expect(rankIn(Float32Array.of(3, 3, 3), 3)).toBeNull();
    expect(rankIn(sorted, Number.NaN)).toBeNull();
    expect(rankIn(new Float32Array(), 1)).toBeNull();
  });

  it("counts the picture's pixels, as they are shown", () => {
    const map = result([0, 1]);
    // Interpolated: 0, 0.25, 0.75, 1; as cells: 0, 0, 1, 1.
    expect(rankOf(session, map, false, 0.75)).toEqual({ lower: 0.5 });
    expect(rankOf(session, map, true, 0.75)).toEqual({ lower: 0.5 });
    expect(rankOf(session, map, false, 0.25)).toEqual({ lower: 0.25 });
  });

  it("passes over what is not finite", () => {
    expect(rankOf(session, result([0, 1, 2, Number.NaN]), true, 1)).toEqual({ lower: 1 / 3 });
  });
});

describe("a reading", () => {
  it("has the value, its error and its rank", () => {
    const map = result([0, 1, 2, 3], { errors: Float32Array.of(0.5, 0.25, 0.125, 1) });
    expect(readingAt(session, map, { x: 2, y: 0, spoken: false }, true)).toEqual({
      value: 2,
      error: 0.125,
      rank: { lower: 0.5 },
    });
  });

  it("has no error where the method knows none", () => {
    expect(readingAt(session, result([0, 1]), { x: 0, y: 0, spoken: false }, true)?.error).toBeNull();
  });

  it("is nothing without a map, without a pointer, and beside the picture", () => {
    const map = result([0, 1]);
    expect(readingAt(session, null, { x: 0, y: 0, spoken: false }, true)).toBeNull();
    expect(readingAt(session, map, null, true)).toBeNull();
    expect(readingAt(session, map, { x: 4, y: 0, spoken: false }, true)).toBeNull();
  });
});

describe("the panels of the frame", () => {
  it("are one, except side by side", () => {
    for (const mode of MODES.filter((each) => each !== "side")) {
      expect(panels(session, result([0, 1]), { ...DEFAULT_VIEW, mode })).toEqual([{ left: 0, width: 1 }]);
    }
    const both = panels(session, result([0, 1]), { ...DEFAULT_VIEW, mode: "side" });
    expect(both).toHaveLength(2);
    expect(both[1].left + both[1].width).toBe(1);
    expect(both[0].width).toBe(both[1].width);
  });

  it("each show the whole picture", () => {
    const halves = [
      { left: 0, width: 0.5 },
      { left: 0.5, width: 0.5 },
    ];
    expect(shareInPanel({ x: 0.125, y: 0.3 }, halves)).toEqual({ x: 0.25, y: 0.3 });
    expect(shareInPanel({ x: 0.75, y: 0.3 }, halves)).toEqual({ x: 0.5, y: 0.3 });
    expect(shareInPanel({ x: -0.1, y: 0.3 }, halves)).toEqual({ x: -0.2, y: 0.3 });
  });
});

describe("the display's controls", () => {
  it("are those that make a difference in the view", () => {
    const offered = (mode: (typeof MODES)[number]) => {
      const has = matters({ ...DEFAULT_VIEW, mode });
      return (["opacity", "threshold", "colormap", "box"] as const).filter(has);
    };
    expect(offered("overlay")).toEqual(["opacity", "threshold", "colormap", "box"]);
    expect(offered("map")).toEqual(["threshold", "colormap", "box"]);
    expect(offered("contours")).toEqual(["threshold", "colormap", "box"]);
    expect(offered("regions")).toEqual(["box"]);
    expect(offered("image")).toEqual(["box"]);
  });

  it("offer the box's threshold only with the box", () => {
    expect(matters(DEFAULT_VIEW)("box_threshold")).toBe(false);
    expect(matters({ ...DEFAULT_VIEW, box: true })("box_threshold")).toBe(true);
  });
});
