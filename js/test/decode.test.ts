import { describe, expect, it } from "vitest";
import { decodeResult, decodeSession } from "../src/paint/decode";
import { RESULT, RESULT_BUFFERS, SESSION, SESSION_BUFFERS, windowed } from "./samples";

describe("decoding what the kernel sends", () => {
  it("reads buffers that begin anywhere in a larger one", () => {
    const session = decodeSession(SESSION, SESSION_BUFFERS);
    expect([...session.pixels]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...session.probabilities]).toEqual([0.75, 0.25]);
    expect([session.height, session.width]).toEqual([1, 2]);
    expect([...decodeResult(RESULT, RESULT_BUFFERS).values]).toEqual([0.25, 1]);
  });

  it("copies, so that a reused message cannot change a map", () => {
    const view = windowed(Float32Array.of(1, 2));
    const { values } = decodeResult(RESULT, [view]);
    view.setFloat32(0, 9, true);
    expect([...values]).toEqual([1, 2]);
  });

  it("passes over leading axes of length one", () => {
    const { rows, columns } = decodeResult({ ...RESULT, shape: [1, 1, 2] }, RESULT_BUFFERS);
    expect([rows, columns]).toEqual([1, 2]);
  });

  it("refuses shapes that are no picture or map", () => {
    const picture = { ...SESSION.picture, shape: [1, 2, 4] as [number, number, number] };
    expect(() => decodeSession({ ...SESSION, picture }, SESSION_BUFFERS)).toThrow("[1, 2, 4]");
    expect(() => decodeResult({ ...RESULT, shape: [2] }, RESULT_BUFFERS)).toThrow("[2]");
    expect(() => decodeResult({ ...RESULT, shape: [2, 1, 1, 1] }, RESULT_BUFFERS)).toThrow("[2, 1, 1, 1]");
  });

  it("refuses buffers that are missing or of the wrong size", () => {
    expect(() => decodeResult(RESULT, [])).toThrow("no buffer 0");
    expect(() => decodeResult({ ...RESULT, shape: [2, 2] }, RESULT_BUFFERS)).toThrow("16 bytes; got 8");
  });
});
