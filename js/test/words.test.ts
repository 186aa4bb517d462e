import { describe, expect, it } from "vitest";
import { formatCount, formatSeconds, formatShare, formatTicks, formatValue } from "../src/format";
import { strings } from "../src/strings";

describe("numbers as people read them", () => {
  it("have three digits, and a power of ten where zeros would hide them", () => {
    const words = [0, 0.012, 0.01234, 1.5, 123.46, 12345.6, 3.44e-5, -0.5, 1.2e6, -2e-7].map(formatValue);
    expect(words).toEqual(["0", "0.012", "0.0123", "1.5", "123", "12346", "3.4e-5", "−0.5", "1.2e6", "−2e-7"]);
    expect([Number.NaN, Number.NEGATIVE_INFINITY].map(formatValue)).toEqual(["NaN", "−∞"]);
  });

  it("share their decimals on one scale", () => {
    expect(formatTicks([-0.0182, -0.0091, 0, 0.0091, 0.0182])).toEqual(["−0.0182", "−0.0091", "0", "0.0091", "0.0182"]);
    expect(formatTicks([0, 0.003075, 0.0123])).toEqual(["0", "0.0031", "0.0123"]);
    expect(formatTicks([0, 1.72e-5, 3.44e-5])).toEqual(["0", "1.7e-5", "3.4e-5"]);
  });

  it("never call a likely class certain, or an unlikely one impossible", () => {
    expect([1, 0.9996, 0.5634, 0.0004, 0].map(formatShare)).toEqual([
      "100.0 %",
      ">99.9 %",
      "56.3 %",
      "<0.1 %",
      "0.0 %",
    ]);
  });

  it("give times in the unit that fits", () => {
    expect([0.0004, 0.08, 2.13, 48, 130].map(formatSeconds)).toEqual(["1 ms", "80 ms", "2.1 s", "48 s", "2 min"]);
  });

  it("group thousands", () => {
    expect([196, 4000, 1234567].map(formatCount)).toEqual(["196", "4\u202f000", "1\u202f234\u202f567"]);
  });
});

describe("sentences", () => {
  const text = strings(null);

  it("say what a run costs", () => {
    expect(text.cost({ forwards: 196, backwards: 0, seconds: 2 })).toBe("≈ 196 model evaluations, about 2.0 s");
    expect(text.cost({ forwards: 1, backwards: 1, seconds: null })).toBe("≈ 1 model evaluation and 1 backward pass");
  });

  it("say where a map is strongest", () => {
    expect(text.strongestAt({ vertical: -1, horizontal: 1 }, "negative")).toBe(
      "strongest in the upper right, where it is negative",
    );
    expect(text.strongestAt({ vertical: 0, horizontal: 0 }, "")).toBe("strongest in the centre");
    expect(text.strongestAt({ vertical: 0, horizontal: 1 }, "")).toBe("strongest on the right");
    expect(text.strongestAt({ vertical: 1, horizontal: 0 }, "")).toBe("strongest at the bottom");
  });
});
