import { describe, expect, it } from "vitest";
import { drawSheet, hasBar, type Pen, sheetOf } from "../src/paint/sheet";
import { DEFAULT_VIEW } from "../src/protocol";

/** A pen that remembers what it did; every letter is five wide. */
function recorder() {
  const texts: [string, number, number][] = [];
  const fills: [unknown, number, number, number, number][] = [];
  const pen = {
    fillStyle: "",
    strokeStyle: "",
    lineWidth: 1,
    font: "",
    textBaseline: "top",
    fillRect: (...at: [number, number, number, number]) => fills.push([pen.fillStyle, ...at]),
    strokeRect: () => {},
    drawImage: () => {},
    fillText: (word: string, left: number, top: number) => texts.push([word, left, top]),
    measureText: (word: string) => ({ width: 5 * word.length }),
  };
  return { pen: pen as unknown as Pen, texts, fills };
}

const painted = {} as CanvasImageSource;
const plain = { beyond: [false, false], unit: "" } as const;

describe("a sheet with picture, colour bar and numbers", () => {
  it("is laid out as the kernel's", () => {
    expect(sheetOf(512, 512)).toEqual({
      width: 544,
      height: 591,
      picture: { left: 16, top: 16, width: 512, height: 512 },
      bar: { left: 16, top: 544, width: 512, height: 12 },
      numbers: 560,
      font: 16,
    });
  });

  it("has a bar where colours stand for numbers", () => {
    expect((["overlay", "side", "curtain", "map", "contours"] as const).every(hasBar)).toBe(true);
    expect(hasBar("image") || hasBar("regions")).toBe(false);
  });

  it("writes the outermost numbers within the ends of the bar", () => {
    const { pen, texts } = recorder();
    drawSheet(pen, sheetOf(200, 100), painted, DEFAULT_VIEW, { ...plain, top: 2, signed: false });
    expect(texts.map(([word]) => word)).toEqual(["0", "0.5", "1", "1.5", "2"]);
    expect([texts[0][1], texts[2][1], texts[4][1]]).toEqual([9, 106.5, 204]);
  });

  it("says which ends stand for more, and what is counted", () => {
    const { pen, texts } = recorder();
    drawSheet(pen, sheetOf(400, 100), painted, DEFAULT_VIEW, {
      top: 2,
      signed: true,
      beyond: [false, true],
      unit: "points",
    });
    expect(texts.map(([word]) => word)).toEqual(["−2", "−1", "0", "1", "≥ 2 points"]);
  });

  it("leaves out what collides", () => {
    const { pen, texts } = recorder();
    drawSheet(pen, sheetOf(60, 60), painted, DEFAULT_VIEW, { ...plain, top: 0.125, signed: true });
    expect(texts.map(([word]) => word)).toEqual(["−0.125", "0.125"]);
  });

  it("writes a lone zero where zero is", () => {
    const { pen, texts } = recorder();
    drawSheet(pen, sheetOf(100, 100), painted, DEFAULT_VIEW, { ...plain, top: 0, signed: true });
    expect(texts).toEqual([["0", 56.5, sheetOf(100, 100).numbers]]);
  });

  it("leaves the paper white where the threshold hides the map", () => {
    const { pen, fills } = recorder();
    const view = { ...DEFAULT_VIEW, colormap: "gray", threshold: 0.5 };
    drawSheet(pen, sheetOf(101, 100), painted, view, { ...plain, top: 1, signed: false });
    const strips = fills.slice(1);
    expect(strips).toHaveLength(51);
    expect(strips[50].slice(0, 2)).toEqual(["rgb(255, 255, 255)", 109]);
  });
});
