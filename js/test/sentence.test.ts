import { describe, expect, it } from "vitest";
import { decodeSession, type Regions, type Session } from "../src/paint/decode";
import { strings } from "../src/strings";
import { sentence, wholeShare } from "../src/taking/sentence";
import { result, SESSION, SESSION_BUFFERS, windowed } from "./samples";

const TEXT = strings(null);

function session(scores: number[] = [0.83, 0.17]): Session {
  const buffers = [SESSION_BUFFERS[0], windowed(Float32Array.from(scores))];
  return decodeSession({ ...SESSION, labels: ["tabby", "tiger cat"] }, buffers);
}

function regions(pairs: [before: number, after: number][], quantity: Regions["quantity"] = "probability"): Regions {
  const each = pairs.map(([before, after]) => ({ before, after, box: [0, 0, 1, 1], area: 0.5 }));
  return {
    session: 0,
    of: 1,
    shape: [1, 2],
    quantity,
    fill: "blur",
    regions: each,
    labels: new Uint8Array(2),
  };
}

const MAP = result([0, 1], { target: 0, target_label: "tabby" });
const OTHER = result([0, 1], { target: 1, target_label: "tiger cat" });

function says(found: Regions | null, map = MAP, scores?: number[]): string {
  return sentence(session(scores), map, found, TEXT).join(" ");
}

describe("the sentence", () => {
  it("tells what the model says and what hiding each region does", () => {
    const found = regions([
      [0.83, 0.45],
      [0.83, 0.829],
    ]);
    expect(says(found)).toBe(
      "Says tabby, 83 %. Hiding region 1 lowers it by 38 points; hiding region 2 changes nothing.",
    );
  });

  it("tells that a score rises", () => {
    expect(says(regions([[0.83, 0.84]]))).toBe("Says tabby, 83 %. Hiding region 1 raises it by 1 point.");
  });

  it("counts half a point as a change, and less as none", () => {
    expect(says(regions([[0.5, 0.494]]))).toContain("lowers it by 1 point.");
    expect(says(regions([[0.5, 0.4951]]))).toContain("changes nothing.");
  });

  it("takes three regions in their order", () => {
    const found = regions([
      [0.83, 0.03],
      [0.83, 0.9],
      [0.83, 0.83],
    ]);
    expect(sentence(session(), MAP, found, TEXT)[1]).toBe(
      "Hiding region 1 lowers it by 80 points; hiding region 2 raises it by 7 points; hiding region 3 changes nothing.",
    );
  });

  it("names the class that is asked about where it is another one", () => {
    expect(says(regions([[0.17, 0.05]]), OTHER)).toBe(
      "Says tabby, 83 %. tiger cat gets 17 %. Hiding region 1 lowers it by 12 points.",
    );
  });

  it("gives a contrast in units of its score", () => {
    const contrast = result([0, 1], { target: { target: 0, foil: 1 }, target_label: "tabby rather than tiger cat" });
    const found = regions(
      [
        [1.5, -0.75],
        [1.5, 1.496],
      ],
      "score",
    );
    expect(says(found, contrast)).toBe(
      "Says tabby, 83 %. The score of tabby rather than tiger cat is 1.5." +
        " Hiding region 1 lowers it by 2.25; hiding region 2 changes nothing.",
    );
  });

  it("does not call the scores of a black box probabilities", () => {
    expect(says(regions([[12.5, 4]], "score"), MAP, [12.5, -3])).toBe(
      "The highest score is that of tabby: 12.5. Hiding region 1 lowers it by 8.5.",
    );
  });

  it("says so where no place speaks for the class", () => {
    expect(says(regions([]))).toBe("Says tabby, 83 %. No place speaks for tabby.");
  });

  it("says that the effects are still being measured", () => {
    expect(says(null)).toBe("Says tabby, 83 %. Measuring what the most important places do …");
  });

  it("is only what the model says while there is no map of this picture", () => {
    expect(sentence(session(), null, null, TEXT)).toEqual(["Says tabby, 83 %."]);
    expect(sentence(session(), { ...MAP, session: 1 }, null, TEXT)).toEqual(["Says tabby, 83 %."]);
  });
});

it.each([
  [0.834, "83 %"],
  [0.005, "1 %"],
  [0.004, "0.4 %"],
  [0.9951, "99.5 %"],
  [0.0001, "<0.1 %"],
  [1, "100.0 %"],
])("a share of %f is %s", (share, words) => {
  expect(wholeShare(share)).toBe(words);
});
