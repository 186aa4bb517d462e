import { describe, expect, it } from "vitest";
import { correlation, createCorrelations, ranks } from "../src/comparing/correlation";
import { decodeResult, decodeSession, samePicture } from "../src/paint/decode";
import { DEFAULT_VIEW, type PlanePayload, type VolumePayload, type VoxelsPayload } from "../src/protocol";
import { strings } from "../src/strings";
import { readingOf, sliceInWords, voxelInWords } from "../src/ui/volume/reading";
import { compose, fittingScale } from "../src/volume/compose";
import { createFace, gridFace } from "../src/volume/face";
import { steppedBy } from "../src/volume/keys";
import { strongestVoxel, valueAt, valueAtCrosshair } from "../src/volume/mapping";
import { montageColumns, montageSlices, nearestTile } from "../src/volume/montage";
import { placeOf, worldInWords } from "../src/volume/place";
import {
  acrossGrids,
  crosshairOf,
  goesUp,
  shareOf,
  shownPlanes,
  type Triple,
  voxelAt,
  withAxis,
} from "../src/volume/space";
import { intensityAt } from "../src/volume/volume";
import { RESULT, result, SESSION, windowed } from "./samples";

const plane = (
  name: PlanePayload["name"],
  [axis, rows, columns]: Triple,
  [flip_rows, flip_columns]: [boolean, boolean],
  marks: string,
  spacing: Triple,
): PlanePayload => ({
  name,
  axis,
  rows,
  columns,
  flip_rows,
  flip_columns,
  marks: [...marks] as PlanePayload["marks"],
  spacing: [...spacing],
});

/** Stored towards the left, the front and the top; 2, 2 and 3 mm apart. */
const AFFINE = [
  [-2, 0, 0, 4],
  [0, 2, 0, -3],
  [0, 0, 3, 10],
  [0, 0, 0, 1],
];
const PLANES: VolumePayload["planes"] = [
  plane("axial", [2, 1, 0], [true, true], "LRAP", [3, 2, 2]),
  plane("coronal", [1, 2, 0], [true, true], "LRSI", [2, 3, 2]),
  plane("sagittal", [0, 2, 1], [true, false], "PASI", [2, 3, 2]),
];
const FULL: Triple = [4, 3, 2];
const VOXELS = Uint8Array.from({ length: 24 }, (_, at) => 10 * at);
const PICTURE: VoxelsPayload = { shape: [4, 3, 2], dtype: "uint8", buffer: 0, low: -5, high: 250, full: [4, 3, 2] };
const SOLID = decodeSession({ ...SESSION, picture: PICTURE, volume: { affine: AFFINE, planes: PLANES } }, [
  windowed(VOXELS),
  windowed(Float32Array.of(0.75, 0.25)),
]);
const { volume } = SOLID;
if (!volume) {
  throw new Error("The session should have a volume.");
}
const MAP = result([0, 1, 2, 3, 4, 5, 6, 70], { depth: 2, rows: 2, columns: 2 });
const text = strings("en");

describe("a session of a volume", () => {
  it("has the middle of the first plane as its picture", () => {
    expect([SOLID.width, SOLID.height]).toEqual([4, 3]);
    // Slice 1 of the last axis; both others backwards: the first pixel is voxel 3, 2, 1.
    expect([...SOLID.pixels.subarray(0, 6)]).toEqual([230, 230, 230, 170, 170, 170]);
  });

  it("is told from another by its window, whatever the size it comes in", () => {
    expect(samePicture(SOLID, { ...SOLID, width: 1, volume: { ...volume, shape: [1, 1, 1] } })).toBe(true);
    expect(samePicture(SOLID, { ...SOLID, volume: { ...volume, high: 251 } })).toBe(false);
    expect(samePicture(SOLID, { ...SOLID, volume: null })).toBe(false);
  });

  it("must have as many voxels as it says", () => {
    const session = { ...SESSION, picture: { ...PICTURE, shape: [5, 3, 2] as const }, volume };
    expect(() => decodeSession(session as never, [windowed(VOXELS)])).toThrow();
  });

  it("has maps with a depth of their own", () => {
    const { depth, rows, columns } = decodeResult({ ...RESULT, shape: [2, 1, 1] }, [windowed(Float32Array.of(1, 2))]);
    expect([depth, rows, columns]).toEqual([2, 1, 1]);
  });
});

describe("places in a volume", () => {
  it("are the middle until somebody says another, and never outside", () => {
    expect(crosshairOf(null, FULL)).toEqual([2, 1, 1]);
    expect(crosshairOf([9, -1, 0], FULL)).toEqual([3, 0, 0]);
    expect(crosshairOf([1, 2], FULL)).toEqual([2, 1, 1]);
    expect(crosshairOf([1, Number.NaN, 1], FULL)).toEqual([2, 1, 1]);
  });

  it("are found on every plane, and back", () => {
    for (const each of [...PLANES, ...shownPlanes(PLANES, AFFINE, true)]) {
      for (let at = 0; at < 24; at++) {
        const voxel: Triple = [Math.floor(at / 6), Math.floor(at / 2) % 3, at % 2];
        expect(voxelAt(shareOf(voxel, each, FULL), each, FULL, withAxis(FULL, each.axis, voxel[each.axis]))).toEqual(
          voxel,
        );
      }
    }
    // The first voxel is the patient's rightmost.
    expect(shareOf([0, 0, 0], PLANES[0], FULL).x).toBe(0.875);
    expect(voxelAt({ x: 1.7, y: -2 }, PLANES[0], FULL, [1, 1, 1])).toEqual([0, 2, 1]);
  });

  it("have millimetres where there is an affine", () => {
    expect(worldInWords(AFFINE, [3, 0, 1])).toBe("x −2.0, y −3.0, z 13.0 mm");
    expect([0, 1, 2].map((number) => placeOf(AFFINE, number as 0, [2, 1, 0]))).toEqual([
      "z 10.0 mm",
      "y −1.0 mm",
      "x 0.0 mm",
    ]);
    expect(worldInWords(null, [3, 0, 1])).toBe("");
    expect(sliceInWords(volume, 0, [3, 0, 1], text)).toBe("1 of 1; z 13.0 mm");
  });

  it("know which way is up", () => {
    expect([goesUp(0, 2, AFFINE), goesUp(1, 1, AFFINE), goesUp(2, 0, AFFINE), goesUp(2, 0, null)]).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it("are mirrored for radiologists, but for the sagittal plane, and only where left is known", () => {
    const [axial, , sagittal] = shownPlanes(PLANES, AFFINE, true);
    expect([axial.marks.join(""), axial.flip_columns, sagittal]).toEqual(["RLAP", false, PLANES[2]]);
    expect(shownPlanes(PLANES, null, true)).toBe(PLANES);
  });

  it("move from grid to grid by their middles", () => {
    expect(acrossGrids([0, 1, 1], [1, 2, 2], [4, 3, 2])).toEqual([2, 2, 1]);
  });
});

describe("keys", () => {
  const from: Triple = [1, 1, 0];
  const press = (key: string, shiftKey = false, number: 0 | 1 | 2 = 0) =>
    steppedBy({ key, shiftKey }, from, number, PLANES[number], volume);

  it("move the crosshair as it is seen", () => {
    expect(["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"].map((key) => press(key))).toEqual([
      [0, 1, 0],
      [2, 1, 0],
      [1, 2, 0],
      [1, 0, 0],
    ]);
  });

  it("move it through the plane, up and to the right first, and stop at the ends", () => {
    expect([press("PageUp"), press("PageDown"), press("ArrowUp", true)]).toEqual([[1, 1, 1], from, [1, 1, 1]]);
    expect([press("PageUp", false, 2), press("PageUp", true, 1)]).toEqual([
      [0, 1, 0],
      [1, 2, 0],
    ]);
  });

  it("mean nothing else", () => {
    expect([press("a"), press("Enter"), press("Home", true)]).toEqual([null, null, null]);
  });
});

describe("what a map says of a voxel", () => {
  it("is joined linearly along all axes, or is the nearest cell's", () => {
    const grid: Triple = [2, 2, 2];
    const at = (voxel: Triple, cells: boolean) => valueAt(MAP.values, grid, voxel, [4, 4, 4], cells);
    expect(at([0, 0, 0], false)).toBe(0);
    expect(at([3, 3, 3], false)).toBe(70);
    // A quarter of the way from the first to the second sample, along each axis.
    const expected = [0, 1, 2, 3, 4, 5, 6, 70].reduce((sum, value, corner) => {
      const weight = [4, 2, 1].reduce((all, bit) => all * (corner & bit ? 0.25 : 0.75), 1);
      return sum + weight * value;
    }, 0);
    expect(at([1, 1, 1], false)).toBeCloseTo(expected, 6);
    expect([at([1, 1, 1], true), at([2, 1, 2], true)]).toEqual([0, 5]);
  });

  it("is told with how it ranks among the map's values", () => {
    const { value = 0, rank } = readingOf(volume, MAP, [1, 1, 1], false) ?? {};
    expect(rank).toEqual({ lower: MAP.values.filter((each) => each < value).length / 8 });
    expect(readingOf(volume, MAP, [0, 0, 0], true)?.rank).toBe("lowest");
    // Of a fine map not all values are sorted, but its extremes are.
    const many = Array.from({ length: 2 ** 19 }, (_, at) => at % 100);
    many[4097] = 101;
    const fine = result(many, { depth: 128, rows: 64, columns: 64, maximum: 101 });
    const full: Triple = [128, 64, 64];
    expect(readingOf({ ...volume, full }, fine, [1, 0, 1], true)?.rank).toBe("highest");
    expect(readingOf({ ...volume, full }, fine, [1, 0, 3], true)?.rank).not.toBe("highest");
  });

  it("is told with its error and the input", () => {
    const known = { ...MAP, errors: Float32Array.from(MAP.values, (value) => value / 10) };
    expect(readingOf(volume, known, [3, 2, 1], false)).toEqual({ value: 70, error: 7, rank: "highest" });
    expect(readingOf(volume, null, [3, 2, 1], false)).toBeNull();
    expect(intensityAt(volume, [3, 2, 1])).toBe(225);
    expect(voxelInWords(volume, [3, 2, 1], readingOf(volume, MAP, [3, 2, 1], false), text)).toBe(
      "voxel 3, 2, 1; x −2.0, y 1.0, z 13.0 mm; 70",
    );
    expect(valueAtCrosshair(MAP, FULL, [3, 2, 1], false)).toBe(70);
  });

  it("is strongest in the middle of a cell", () => {
    expect(strongestVoxel(MAP, [4, 4, 2])).toEqual([3, 3, 1]);
    const values = Float32Array.of(Number.NaN, -9, 3, Number.POSITIVE_INFINITY);
    expect(strongestVoxel({ ...MAP, depth: 1, rows: 2, columns: 2, values }, [1, 2, 2])).toEqual([0, 1, 0]);
    expect(strongestVoxel({ ...MAP, signed: true, depth: 1, values }, [1, 2, 2])).toEqual([0, 0, 1]);
    expect(strongestVoxel({ ...MAP, values: new Float32Array(8) }, FULL)).toBeNull();
  });
});

describe("where there is room for a picture only", () => {
  it("the first plane at the crosshair stands for a volume", () => {
    const faceOf = createFace();
    const { picture, result: map } = faceOf(SOLID, MAP, [0, 0, 0], false);
    expect([...picture.pixels.subarray(0, 3)]).toEqual([220, 220, 220]);
    expect([map.depth, map.rows, map.columns, ...map.values]).toEqual([1, 2, 2, 6, 2, 4, 0]);
    expect(faceOf(SOLID, MAP, [3, 2, 0], false)).toEqual({ picture, result: map });
    expect(faceOf(SOLID, MAP, [3, 2, 0], false).picture).toBe(picture);
    expect(faceOf(SOLID, MAP, null, false).result.values[0]).toBe(70);
  });

  it("a picture stays what it is", () => {
    const picture = { width: 1, height: 1, pixels: new Uint8Array(3) };
    expect(createFace()(picture, MAP, null, false)).toEqual({ picture, result: MAP });
    expect(gridFace({ values: MAP.values, shape: [2, 4] }, volume, null)).toEqual({
      rows: 2,
      columns: 4,
      values: MAP.values,
    });
  });

  it("small maps follow the crosshair", () => {
    const { rows, columns, values } = gridFace({ values: MAP.values, shape: [2, 2, 2] }, volume, [0, 0, 0]);
    expect([rows, columns, ...values]).toEqual([2, 2, 6, 2, 4, 0]);
  });
});

describe("maps of volumes", () => {
  it("are compared over the whole volume, whatever their resolution", () => {
    const values = Array.from({ length: 8 * 8 * 8 }, (_, at) => Math.sin(at * at));
    const one = { picture: SOLID, result: result(values, { depth: 8, rows: 8, columns: 8 }) };
    const doubled = Array.from({ length: 16 ** 3 }, (_, at) => {
      const [i, j, k] = [at >> 8, (at >> 4) & 15, at & 15].map((each) => each >> 1);
      return values[64 * i + 8 * j + k];
    });
    const other = { picture: SOLID, result: result(doubled, { depth: 16, rows: 16, columns: 16 }) };
    const solid = { ...volume, full: [8, 8, 8] as const };
    const correlate = createCorrelations();
    const on = ({ result: map }: typeof one) => ({ picture: { ...SOLID, volume: solid }, result: map });
    expect(correlate(on(one), on(one))).toBeCloseTo(1, 12);
    expect(correlate(on(one), on(other))).toBeGreaterThan(0.9);
    const shuffled = { ...one, result: result([...values].reverse(), { depth: 8, rows: 8, columns: 8 }) };
    const expected = correlation(ranks(one.result.values), ranks(shuffled.result.values));
    expect(correlate(on(one), on(shuffled))).toBeCloseTo(expected ?? 0, 12);
  });
});

describe("a volume as one picture", () => {
  it("has its planes in a row, one scale for all, in the middle of the highest", () => {
    const { width, height, tiles } = compose(volume, { ...DEFAULT_VIEW, crosshair: [1, 2, 0] });
    expect(tiles.map(({ plane: { name, axis }, at, left, top }) => [name, at[axis], left, top])).toEqual([
      ["axial", 0, 0, 0],
      ["coronal", 2, 5, 0],
      ["sagittal", 1, 10, 0],
    ]);
    expect([width, height]).toEqual([13, 3]);
    expect([13, 480, 700].map(fittingScale)).toEqual([37, 1, 1]);
  });

  it("has a montage of evenly spaced slices, in rows", () => {
    const long = { ...volume, full: [40, 30, 20] as Triple };
    const { width, height, tiles } = compose(long, { ...DEFAULT_VIEW, layout: "montage", tiles: 4 });
    expect(tiles.map(({ at, left, top }) => [at[2], left, top])).toEqual([
      [2, 0, 0],
      [7, 42, 0],
      [12, 0, 32],
      [17, 42, 32],
    ]);
    expect([width, height]).toEqual([82, 62]);
    expect([1, 4, 5, 12, 30].map(montageColumns)).toEqual([1, 2, 3, 4, 6]);
  });

  it("knows the tile that is nearest", () => {
    const slices = montageSlices({ full: [40, 30, 20], affine: null }, 0, { axis: 2 }, 4);
    expect([0, 4, 5, 19].map((slice) => nearestTile(slices, slice))).toEqual([0, 0, 1, 3]);
  });
});
