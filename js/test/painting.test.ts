import { describe, expect, it } from "vitest";
import { blend, scaleTop } from "../src/paint/blend";
import { resample } from "../src/paint/resample";
import type { View } from "../src/protocol";
import cases from "./painting-cases.json";

const bytes = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

describe("a heat map painted by the page and by the kernel", () => {
  it.each(cases.map((one, index) => ({ index, ...one })))("is the same, byte for byte: case $index", (one) => {
    const [height, width] = one.size;
    const [rows, columns] = one.grid;
    const values = new Float32Array(bytes(one.values).buffer);
    const stretched = resample({ values, rows, columns }, height, width, one.view.cells);
    const out = new Uint8ClampedArray(height * width * 4);
    blend(bytes(one.picture), stretched, scaleTop(values, one.signed), one.signed, one.view as View, out);
    expect(out.filter((_, place) => place % 4 !== 3)).toEqual(new Uint8ClampedArray(bytes(one.painted)));
  });
});
