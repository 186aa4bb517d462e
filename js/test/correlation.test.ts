import { describe, expect, it } from "vitest";
import { correlation, createCorrelations, ranks } from "../src/comparing/correlation";
import { samePicture } from "../src/paint/decode";
import { result } from "./samples";

const A = Float32Array.of(3, 1, 2, 2, 5, 2, 0);
const B = Float32Array.of(1, 1, 4, 2, 6, 7, 0);

describe("ranks", () => {
  it("count from one, and equal values share the mean of theirs", () => {
    expect([...ranks(A)]).toEqual([6, 2, 4, 4, 7, 4, 1]);
  });

  it("take what is not finite for zero", () => {
    expect([...ranks(Float32Array.of(Number.NaN, 1, -1, Number.POSITIVE_INFINITY))]).toEqual([2.5, 4, 1, 2.5]);
  });
});

describe("rank correlation", () => {
  it("is what scipy.stats.spearmanr gives, with ties", () => {
    expect(correlation(ranks(A), ranks(B))).toBeCloseTo(0.5609681940050744, 12);
  });

  it("is 1 with itself and -1 with its reverse", () => {
    const reverse = A.map((value) => -value);
    expect(correlation(ranks(A), ranks(A))).toBeCloseTo(1, 12);
    expect(correlation(ranks(A), ranks(reverse))).toBeCloseTo(-1, 12);
  });

  it("is unknown where a map is the same everywhere", () => {
    expect(correlation(ranks(A), ranks(new Float32Array(7)))).toBeNull();
  });

  it("is that of the maps stretched over the picture", () => {
    const picture = { height: 6, width: 6, pixels: new Uint8Array(108) };
    const one = result([0, 1, 2, 3], { rows: 2, columns: 2 });
    const other = result([1, 0, 2, 0, 5, 1, 2, 2, 0], { rows: 3, columns: 3 });
    const correlate = createCorrelations();
    const found = correlate({ result: one, picture }, { result: other, picture });
    expect(found).toBeCloseTo(0.18105322895045975, 4);
    expect(correlate({ result: one, picture }, { result: other, picture })).toBe(found);
  });
});

it("a picture is the same if every pixel is", () => {
  const one = { height: 1, width: 1, pixels: Uint8Array.of(1, 2, 3) };
  expect(samePicture(one, { ...one, pixels: Uint8Array.of(1, 2, 3) })).toBe(true);
  expect(samePicture(one, { ...one, pixels: Uint8Array.of(1, 2, 4) })).toBe(false);
  expect(samePicture({ ...one, width: 3 }, { ...one, height: 3 })).toBe(false);
});
