import { describe, expect, it } from "vitest";
import { strongest } from "../src/paint/finding";
import { barPixels, barPosition, legend, ticks, tickWords } from "../src/paint/scale";
import { beyond, topOf } from "../src/paint/top";
import { DEFAULT_VIEW } from "../src/protocol";
import { result } from "./samples";

const GREY = { ...DEFAULT_VIEW, colormap: "gray" };

describe("the colour bar", () => {
  it("begins at zero, or mirrors a signed map's largest value", () => {
    expect(legend(2, false)).toEqual([0, 2]);
    expect(legend(2, true)).toEqual([-2, 2]);
    expect(legend(0, true)).toEqual([0, 0]);
  });

  it("has five numbers, or one where nothing is there to measure", () => {
    expect(ticks(2, false)).toEqual([0, 0.5, 1, 1.5, 2]);
    expect(ticks(2, true)).toEqual([-2, -1, 0, 1, 2]);
    expect(ticks(0, false)).toEqual([0]);
  });

  it("says which of its ends stand for more", () => {
    expect(tickWords(ticks(2, true), [true, true])).toEqual(["≤ −2", "−1", "0", "1", "≥ 2"]);
    expect(tickWords([0], [false, false])).toEqual(["0"]);
  });

  it("knows where a value lies", () => {
    expect(barPosition(1, 2, false)).toBe(0.5);
    expect(barPosition(-1, 2, true)).toBe(0.25);
    expect(barPosition(-1, 2, false)).toBe(0);
    expect(barPosition(9, 2, true)).toBe(1);
    expect(barPosition(Number.NaN, 2, true)).toBe(0.5);
  });

  it("is transparent where the threshold hides the map", () => {
    const alphas = (signed: boolean) =>
      [...barPixels(5, signed, { ...GREY, threshold: 0.6 })].filter((_, i) => i % 4 === 3);
    expect(alphas(false)).toEqual([0, 0, 0, 255, 255]);
    expect(alphas(true)).toEqual([255, 0, 0, 0, 255]);
  });

  it("bends with gamma as the map does", () => {
    const reds = [...barPixels(3, false, { ...GREY, gamma: 2 })].filter((_, i) => i % 4 === 0);
    expect(reds).toEqual([0, 64, 255]);
  });
});

describe("the top of the scale", () => {
  const top = (values: number[], signed: boolean, clip = 100) =>
    topOf(result(values, { signed }), { ...DEFAULT_VIEW, clip });

  it("is the largest magnitude of signed and the largest value of unsigned maps", () => {
    expect(top([-3, 2], true)).toBe(3);
    expect(top([-3, 2], false)).toBe(2);
    expect(top([-3, -2], false)).toBe(0);
    expect(top([Number.NaN, Number.POSITIVE_INFINITY, 1], true)).toBe(1);
    expect(top([Number.NaN], true)).toBe(0);
  });

  it("is a percentile where one is asked for, joined linearly", () => {
    expect(top([4, 0, 3, 1, 2], false, 75)).toBe(3);
    expect(top([4, 0, 3, 1, 2], false, 90)).toBeCloseTo(3.6, 12);
    expect(top([-4, 0, -3, 1, 2], true, 75)).toBe(3);
    expect(top([-4, 0, -3, 1, Number.NaN, 2], false, 75)).toBe(1);
  });

  it("is the maximum where the percentile leaves nothing", () => {
    expect(top([0, 0, 0, 0, 7], false, 60)).toBe(7);
    expect(top([0, 0], false, 60)).toBe(0);
  });

  it("says which ends of the bar stand for more", () => {
    expect(beyond(result([-4, 1, 3], { signed: true }), 3)).toEqual([true, false]);
    expect(beyond(result([-4, 1, 3], { signed: false }), 2)).toEqual([false, true]);
    expect(beyond(result([-4, 4], { signed: true }), 4)).toEqual([false, false]);
  });
});

describe("the strongest place", () => {
  it("is told by ninths of the picture", () => {
    const found = strongest(result([0, 0, 0, 0, 0, 9, 0, 0, 0], { rows: 3, columns: 3 }));
    expect(found).toMatchObject({ row: 1, column: 2, value: 9, place: { vertical: 0, horizontal: 1 } });
  });

  it("may be negative only on signed maps", () => {
    expect(strongest(result([-4, 1], { signed: true }))?.value).toBe(-4);
    expect(strongest(result([-4, 1], { signed: false }))?.value).toBe(1);
    expect(strongest(result([-4, 0], { signed: false }))).toBeNull();
  });
});
