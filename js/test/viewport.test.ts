import { describe, expect, it } from "vitest";
import { pixelAt, pointAt, shareAt } from "../src/ui/stage/pointing";
import {
  clamp,
  frameShare,
  hold,
  pan,
  pictureShare,
  pixelOf,
  reveal,
  showsPixels,
  visible,
  zoomAt,
} from "../src/ui/stage/viewport";
import { WHOLE } from "../src/ui/view";
import { SESSION } from "./samples";

const TWICE = { zoom: 2, x: 0.5, y: 0.5 };

describe("clamp", () => {
  it("keeps the zoom between 1 and 16", () => {
    expect(clamp({ zoom: 0.2, x: 0.5, y: 0.5 })).toEqual(WHOLE);
    expect(clamp({ zoom: 99, x: 0.5, y: 0.5 })).toEqual({ zoom: 16, x: 0.5, y: 0.5 });
  });

  it("shows nothing beside the picture", () => {
    expect(clamp({ zoom: 2, x: 0, y: 1 })).toEqual({ zoom: 2, x: 0.25, y: 0.75 });
    expect(clamp({ zoom: 1, x: 0.1, y: 0.9 })).toEqual(WHOLE);
  });
});

describe("zoomAt", () => {
  it("leaves what is under the pointer where it is", () => {
    const at = { x: 0.25, y: 0.75 };
    const closer = zoomAt(WHOLE, 4, at);
    expect(closer).toEqual({ zoom: 4, x: 0.3125, y: 0.6875 });
    expect(pictureShare(closer, at)).toEqual(at);
    expect(zoomAt(closer, 0.25, at)).toEqual(WHOLE);
  });

  it("enlarges about the middle by default", () => {
    expect(zoomAt(WHOLE, 2)).toEqual(TWICE);
  });

  it("moves nothing at its limit", () => {
    const closest = clamp({ zoom: 16, x: 0.4, y: 0.6 });
    expect(zoomAt(closest, 3, { x: 0.5, y: 0.5 })).toEqual(closest);
  });

  it("gives way at the picture's edge", () => {
    expect(zoomAt({ zoom: 4, x: 0.125, y: 0.5 }, 0.5, { x: 1, y: 0.5 })).toEqual({ zoom: 2, x: 0.25, y: 0.5 });
  });
});

describe("hold", () => {
  it("puts a point of the picture under the fingers", () => {
    expect(hold({ x: 0.5, y: 0.5 }, { x: 0.75, y: 0.5 }, 4)).toEqual({ zoom: 4, x: 0.4375, y: 0.5 });
  });
});

describe("pan", () => {
  it("moves the picture with the hand", () => {
    expect(pan({ zoom: 4, x: 0.5, y: 0.5 }, 0.5, -0.25)).toEqual({ zoom: 4, x: 0.375, y: 0.5625 });
  });

  it("stops at the edges", () => {
    expect(pan(TWICE, 9, -9)).toEqual({ zoom: 2, x: 0.25, y: 0.75 });
    expect(pan(WHOLE, 0.3, 0.3)).toEqual(WHOLE);
  });
});

describe("reveal", () => {
  it("leaves alone what is seen already", () => {
    expect(reveal(TWICE, { x: 0.6, y: 0.4 })).toEqual(TWICE);
  });

  it("moves no further than needed, with some room", () => {
    const moved = reveal({ zoom: 4, x: 0.25, y: 0.5 }, { x: 0.5, y: 0.5 });
    expect(moved.x).toBeCloseTo(0.3875, 12);
    expect(frameShare(moved, { x: 0.5, y: 0.5 }).x).toBeCloseTo(0.95, 12);
    expect(moved.y).toBe(0.5);
  });
});

describe("shares", () => {
  it("of the frame and of the picture are each other's inverse", () => {
    const viewport = { zoom: 4, x: 0.375, y: 0.625 };
    expect(frameShare(viewport, { x: 0.375, y: 0.5 })).toEqual({ x: 0.5, y: 0 });
    expect(pictureShare(viewport, { x: 0.5, y: 0 })).toEqual({ x: 0.375, y: 0.5 });
  });
});

describe("visible", () => {
  it("is the part of the picture that is seen, in pixels", () => {
    expect(visible({ zoom: 4, x: 0.25, y: 0.5 }, { width: 200, height: 100 })).toEqual({
      x: 25,
      y: 37.5,
      width: 50,
      height: 25,
    });
    expect(visible(WHOLE, { width: 7, height: 3 })).toEqual({ x: 0, y: 0, width: 7, height: 3 });
  });
});

describe("pixelOf", () => {
  it("is the pixel that a share lies in, or the nearest one", () => {
    const size = { width: 4, height: 2 };
    expect(pixelOf({ x: 0.25, y: 0.49 }, size)).toEqual({ x: 1, y: 0 });
    expect(pixelOf({ x: 1, y: 1 }, size)).toEqual({ x: 3, y: 1 });
    expect(pixelOf({ x: -3, y: 7 }, size)).toEqual({ x: 0, y: 1 });
  });
});

describe("showsPixels", () => {
  it("only where somebody looks closely", () => {
    expect(showsPixels(4, 8)).toBe(true);
    expect(showsPixels(4, 5.9)).toBe(false);
    expect(showsPixels(1, 14)).toBe(false);
  });
});

describe("a pointer over the stage", () => {
  // 100 pixels wide and 50 high on the screen, at (10, 20).
  const element = { getBoundingClientRect: () => ({ left: 10, top: 20, width: 100, height: 50 }) } as Element;
  const session = { ...SESSION, width: 200, height: 100, pixels: new Uint8Array(), probabilities: new Float32Array() };

  it("is told in shares, where a border belongs to what comes after it", () => {
    const { x, y } = shareAt({ clientX: 60, clientY: 45 }, element);
    expect(x).toBeCloseTo(0.5, 3);
    expect(x).toBeGreaterThan(0.5);
    expect(y).toBeGreaterThan(0.5);
  });

  it("is told in the picture's pixels, through zoom and pan", () => {
    expect(pixelAt({ clientX: 10, clientY: 20 }, element, WHOLE, session)).toEqual({ x: 0, y: 0 });
    expect(pixelAt({ clientX: 60, clientY: 45 }, element, WHOLE, session)).toEqual({ x: 100, y: 50 });
    expect(pixelAt({ clientX: 10, clientY: 20 }, element, TWICE, session)).toEqual({ x: 50, y: 25 });
    expect(pixelAt({ clientX: 500, clientY: 20 }, element, TWICE, session)).toEqual({ x: 199, y: 25 });
  });

  it("is told to parts of a pixel where a line is drawn", () => {
    const { x, y } = pointAt({ clientX: 35, clientY: 32.5 }, element, { zoom: 4, x: 0.5, y: 0.5 }, session);
    expect(x).toBeCloseTo(87.5, 1);
    expect(y).toBeCloseTo(43.75, 1);
  });
});
