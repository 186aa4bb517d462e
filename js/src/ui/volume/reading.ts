import { formatValue } from "../../format";
import type { Result } from "../../paint/decode";
import { kept } from "../../paint/kept";
import type { Strings } from "../../strings";
import { gridOf } from "../../volume/cut";
import { valueAt } from "../../volume/mapping";
import { placeOf, worldInWords } from "../../volume/place";
import type { PlaneNumber, Triple } from "../../volume/space";
import type { Volume } from "../../volume/volume";
import { rankIn } from "../stage/rank";
import type { Reading } from "../stage/reading";

/** What the map says of a voxel. */
export function readingOf({ full }: Volume, result: Result | null, voxel: Triple, cells: boolean): Reading | null {
  if (result === null) {
    return null;
  }
  const sample = (values: Float32Array) => valueAt(values, gridOf(result), voxel, full, cells);
  const { values, errors } = result;
  const value = sample(values);
  return { value, error: errors && sample(errors), rank: rankIn(sorted(result), value) };
}

/** As many values tell how high one of them is. */
const ENOUGH = 1 << 18;

/** Some of a map's values in order; the least and the greatest are among them. */
const sorted = kept(({ values, minimum, maximum }: Result) => {
  const step = Math.ceil(values.length / ENOUGH);
  return values
    .filter((value, at) => Number.isFinite(value) && (at % step === 0 || value === minimum || value === maximum))
    .sort();
});

/** Where a plane cuts a volume: the number of the slice, and its place in millimetres where that is known. */
export function sliceInWords(
  { full, affine, planes }: Volume,
  plane: PlaneNumber,
  voxel: Triple,
  text: Strings,
): string {
  const { axis } = planes[plane];
  return joined(text.sliceAt(voxel[axis], full[axis] - 1), placeOf(affine, plane, voxel));
}

/** A voxel, its place in millimetres and its value. */
export function voxelInWords({ affine }: Volume, voxel: Triple, reading: Reading | null, text: Strings): string {
  return joined(text.voxelAt(voxel.join(", ")), worldInWords(affine, voxel), reading && formatValue(reading.value));
}

function joined(...words: (string | null)[]): string {
  return words.filter(Boolean).join("; ");
}
