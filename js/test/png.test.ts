import { describe, expect, it } from "vitest";
import { fileName } from "../src/taking/download";
import { barNumbers, layOut, type Tick } from "../src/taking/png";

/** Every letter as wide as half its size. */
const measure = (text: string, size: number) => (text.length * size) / 2;
const NUMBERS: Tick[] = ["0", "1", "2", "3", "4"].map((text, place) => ({ text, at: place / 4 }));

describe("the sheet under a picture", () => {
  it("has a title, a bar and numbers below each other", () => {
    const sheet = layOut({ width: 448, height: 300 }, "Occlusion · cat", NUMBERS, measure);
    expect(sheet).toEqual({
      width: 448,
      height: 369,
      letters: 12,
      title: [{ text: "Occlusion · cat", x: 10, y: 322, align: "left" }],
      bar: { x: 10, y: 332, width: 428, height: 10 },
      ticks: [
        { text: "0", x: 10, y: 359, align: "left" },
        { text: "1", x: 117, y: 359, align: "center" },
        { text: "2", x: 224, y: 359, align: "center" },
        { text: "3", x: 331, y: 359, align: "center" },
        { text: "4", x: 438, y: 359, align: "right" },
      ],
    });
  });

  it("grows with the picture", () => {
    const sheet = layOut({ width: 896, height: 600 }, "Occlusion", NUMBERS, measure);
    expect([sheet.letters, sheet.bar.height, sheet.height]).toEqual([24, 20, 738]);
  });

  it("breaks a title that is wider than the picture", () => {
    const sheet = layOut({ width: 128, height: 128 }, "Guided Grad-CAM · great tit · layer4", NUMBERS, measure);
    expect(sheet.title.map(({ text }) => text)).toEqual(["Guided Grad-CAM ·", "great tit · layer4"]);
    expect(sheet.bar.y - sheet.title[1].y).toBe(10);
  });

  it("leaves every other number out where they would touch", () => {
    const numbers = ["-0.0125", "-0.0063", "0", "0.0063", "0.0125"].map((text, place) => ({ text, at: place / 4 }));
    const { ticks } = layOut({ width: 128, height: 128 }, "a", numbers, measure);
    expect(ticks.map(({ text }) => text)).toEqual(["-0.0125", "0", "0.0125"]);
    expect(ticks.map(({ align }) => align)).toEqual(["left", "center", "right"]);
  });
});

describe("the numbers of the bar", () => {
  it("span a signed map about zero", () => {
    expect(barNumbers({ values: Float32Array.of(1, -2), signed: true }, { clip: 100 })).toEqual([
      { text: "−2", at: 0 },
      { text: "−1", at: 0.25 },
      { text: "0", at: 0.5 },
      { text: "1", at: 0.75 },
      { text: "2", at: 1 },
    ]);
  });

  it("are a lone zero where the map is all zero", () => {
    const nothing = (signed: boolean) => barNumbers({ values: new Float32Array(4), signed }, { clip: 100 });
    expect(nothing(false)).toEqual([{ text: "0", at: 0 }]);
    const { ticks } = layOut({ width: 448, height: 300 }, "a", nothing(true), measure);
    expect(ticks).toEqual([{ text: "0", x: 224, y: 359, align: "center" }]);
  });
});

it.each([
  [["grad_cam", "tabby, tabby cat"], "grad-cam-tabby-tabby-cat.png"],
  [["lime", "줄무늬 고양이"], "lime-줄무늬-고양이.png"],
  [["../../etc"], "etc.png"],
  [["…"], "heat-map.png"],
])("a file of %j is called %s", (words, name) => {
  expect(fileName(words, "png")).toBe(name);
});
