import { describe, expect, it } from "vitest";
import { resample, sampleAt } from "../src/paint/resample";

const grid = (rows: number[][]) => ({
  rows: rows.length,
  columns: rows[0].length,
  values: Float32Array.from(rows.flat()),
});

describe("resampling a map to a picture", () => {
  it("puts samples at half pixels and continues the outermost ones to the edge", () => {
    expect([...resample(grid([[0, 1]]), 1, 4, false)]).toEqual([0, 0.25, 0.75, 1]);
  });

  it("joins rows and columns", () => {
    const out = resample(
      grid([
        [0, 4],
        [8, 12],
      ]),
      4,
      4,
      false,
    );
    expect([...out]).toEqual([0, 1, 3, 4, 2, 3, 5, 6, 6, 7, 9, 10, 8, 9, 11, 12]);
  });

  it("shrinks by the same rule", () => {
    // The two pixels lie at 0.5 and 2.5 of the four samples.
    expect([...resample(grid([[0, 10, 20, 30]]), 1, 2, false)]).toEqual([5, 25]);
  });

  it("repeats the nearest cell where true cells are asked for", () => {
    expect([...resample(grid([[1, 2, 3]]), 1, 7, true)]).toEqual([1, 1, 2, 2, 2, 3, 3]);
    expect([...resample(grid([[1], [2]]), 4, 1, true)]).toEqual([1, 1, 2, 2]);
  });

  it("spreads one cell over everything", () => {
    expect([...resample(grid([[5]]), 2, 2, false)]).toEqual([5, 5, 5, 5]);
  });

  it("gives a single pixel the value it has in the whole", () => {
    const map = grid([
      [0.1, -0.7, 2],
      [3, 0.25, -1],
    ]);
    for (const cells of [false, true]) {
      const whole = resample(map, 5, 7, cells);
      for (let y = 0; y < 5; y++) {
        for (let x = 0; x < 7; x++) {
          expect(sampleAt(map, 5, 7, cells, x, y)).toBe(whole[y * 7 + x]);
        }
      }
    }
  });
});
