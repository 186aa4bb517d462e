import { describe, expect, it } from "vitest";
import { ranks, spearman } from "../src/paint/correlation";

const A = Float32Array.of(3, -1, 4, 1, -5, 9, 2, 6);
const B = Float32Array.of(2, 7, 1, 8, 2, 8, 1, 8);
const C = Float32Array.of(0.5, 0.5, 0, 0.25, 1, 0, 0, 0.75);

describe("the rank correlation of two maps", () => {
  it("is that of scipy, with ties", () => {
    expect(spearman(A, B)).toBeCloseTo(0.2470831055537004, 12);
    expect(spearman(A, C)).toBeCloseTo(-0.45420146992971866, 12);
    expect(spearman(B, C)).toBeCloseTo(0.24841268236443503, 12);
  });

  it("is one for the same order and minus one for the opposite one", () => {
    expect(
      spearman(
        A,
        A.map((value) => value ** 3),
      ),
    ).toBe(1);
    expect(
      spearman(
        A,
        A.map((value) => -value),
      ),
    ).toBe(-1);
  });

  it("does not exist for a map that is the same everywhere", () => {
    expect(spearman(A, new Float32Array(8))).toBeNaN();
  });

  it("leaves out what is not finite", () => {
    const holes = Float32Array.of(...A, Number.NaN, 1);
    expect(spearman(holes, Float32Array.of(...B, 3, Number.POSITIVE_INFINITY))).toBeCloseTo(0.2470831055537004, 12);
  });

  it("refuses maps of two sizes", () => {
    expect(() => spearman(A, new Float32Array(3))).toThrow("got 8 and 3 values");
  });

  it("gives equal values the average of their ranks", () => {
    expect([...ranks(Float32Array.of(5, 1, 5, 5))]).toEqual([3, 1, 3, 3]);
  });
});
