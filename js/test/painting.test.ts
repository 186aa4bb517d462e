import { describe, expect, it } from "vitest";
import { largestBox } from "../src/paint/box";
import { createPainter, frameSize, type Scene } from "../src/paint/painter";
import { resample } from "../src/paint/resample";
import { DEFAULT_VIEW, type View } from "../src/protocol";
import cases from "./painting-cases.json";
import { regions, result, session } from "./samples";

const bytes = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
type Case = (typeof cases)[number];

function scene(one: Case): Scene {
  const [height, width] = one.size;
  const [rows, columns] = one.grid;
  const values = [...new Float32Array(bytes(one.values).buffer)];
  return {
    session: session(width, height, bytes(one.picture)),
    result: result(values, { rows, columns, signed: one.signed }),
    view: { ...DEFAULT_VIEW, ...(one.view as View) },
    regions: one.labels === null ? null : regions(width, height, bytes(one.labels)),
    top: one.top,
    scale: one.scale,
  };
}

function painted(painter: ReturnType<typeof createPainter>, what: Scene): Uint8ClampedArray {
  const { width, height } = frameSize(what);
  const out = new Uint8ClampedArray(width * height * 4);
  painter.paint(what, out);
  return out;
}

describe("a heat map painted by the page and by the kernel", () => {
  it.each(cases.map((one, index) => ({ index, ...one })))("is the same, byte for byte: case $index", (one) => {
    const { width, height } = frameSize(scene(one));
    expect([height, width]).toEqual(one.frame);
    const out = painted(createPainter(), scene(one));
    expect(out.filter((_, place) => place % 4 !== 3)).toEqual(new Uint8ClampedArray(bytes(one.painted)));
    expect(out.every((byte, place) => place % 4 !== 3 || byte === 255)).toBe(true);
  });

  it.each(cases.map((one, index) => ({ index, ...one })))("has the same box: case $index", (one) => {
    const [height, width] = one.size;
    const { result: map, view } = scene(one);
    const values = map === null ? new Float32Array() : resample(map, height, width, false);
    expect(largestBox(values, width, height, view.box_threshold)).toEqual(one.box);
  });

  it("does not depend on what the painter has painted before", () => {
    const painter = createPainter();
    for (const one of cases) {
      expect(painted(painter, scene(one))).toEqual(painted(createPainter(), scene(one)));
    }
  });
});
