import { describe, expect, it } from "vitest";
import { largestBox } from "../src/paint/box";

const boxOf = (rows: number[][], threshold: number) =>
  largestBox(Float32Array.from(rows.flat()), rows[0].length, rows.length, threshold);

describe("the box of the largest region", () => {
  it("is half-open: top, left, bottom, right", () => {
    expect(
      boxOf(
        [
          [0, 0, 0, 0],
          [0, 9, 8, 0],
          [0, 7, 0, 0],
        ],
        0.5,
      ),
    ).toEqual([1, 1, 3, 3]);
  });

  it("joins diagonal neighbours, also around a corner", () => {
    expect(
      boxOf(
        [
          [9, 0, 9],
          [0, 9, 0],
          [9, 0, 9],
        ],
        0.2,
      ),
    ).toEqual([0, 0, 3, 3]);
    expect(
      boxOf(
        [
          [9, 0, 9, 0, 9],
          [9, 0, 9, 0, 0],
          [9, 9, 9, 0, 9],
        ],
        0.2,
      ),
    ).toEqual([0, 0, 3, 3]);
  });

  it("counts pixels, not extent, and takes the first of equals", () => {
    expect(boxOf([[9, 9, 0, 9, 9, 9]], 0.2)).toEqual([0, 3, 1, 6]);
    expect(boxOf([[9, 9, 0, 9, 9]], 0.2)).toEqual([0, 0, 1, 2]);
  });

  it("holds what lies above the threshold, not at it", () => {
    expect(boxOf([[10, 5, 6]], 0.5)).toEqual([0, 0, 1, 1]);
    expect(boxOf([[10, 5, 6]], 1)).toBeNull();
  });

  it("does not exist where nothing is positive, or something is no number", () => {
    expect(boxOf([[0, -1]], 0)).toBeNull();
    expect(boxOf([[1, Number.NaN]], 0)).toBeNull();
  });
});
