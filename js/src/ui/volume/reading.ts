import { formatValue } from "../../format";
import type { Result } from "../../paint/decode";
import type { Strings } from "../../strings";
import { gridOf } from "../../volume/cut";
import { valueAt } from "../../volume/mapping";
import { type PlaneNumber, type Triple, worldAxis, worldOf } from "../../volume/space";
import type { Volume } from "../../volume/volume";
import type { Reading } from "../stage/reading";

const MINUS = "\u2212";

/** What the map says of a voxel. */
export function readingOf({ full }: Volume, result: Result | null, voxel: Triple, cells: boolean): Reading | null {
  if (result === null) {
    return null;
  }
  const sample = (values: Float32Array) => valueAt(values, gridOf(result), voxel, full, cells);
  const { values, errors } = result;
  return { value: sample(values), error: errors && sample(errors), rank: null };
}

/** A place in millimetres, to a tenth. */
export function formatPlace(place: number): string {
  const digits = Math.abs(place).toFixed(1);
  return place < 0 && digits !== "0.0" ? `${MINUS}${digits}` : digits;
}

/** Where the slice of a plane through a voxel lies: its number, and its place in millimetres where that is known. */
export function sliceInWords(volume: Volume, plane: PlaneNumber, axis: number, voxel: Triple, text: Strings): string {
  const number = text.sliceAt(voxel[axis], volume.full[axis] - 1);
  const place = placeOf(volume, plane, voxel, text);
  return place === "" ? number : `${number}, ${place}`;
}

export function placeOf({ affine }: Volume, plane: PlaneNumber, voxel: Triple, text: Strings): string {
  const world = worldAxis(plane);
  return affine === null ? "" : text.millimetres("xyz"[world], formatPlace(worldOf(voxel, affine)[world]));
}

/** A voxel, its place in millimetres and its value. */
export function voxelInWords({ affine }: Volume, voxel: Triple, reading: Reading | null, text: Strings): string {
  const world = worldInWords(affine, voxel, text);
  return [text.voxelAt(voxel.join(", ")), world, reading && formatValue(reading.value)].filter(Boolean).join("; ");
}

/** A voxel's place in millimetres; empty where nobody knows. */
export function worldInWords(affine: Volume["affine"], voxel: Triple, text: Strings): string {
  if (affine === null) {
    return "";
  }
  const [x, y, z] = worldOf(voxel, affine).map(formatPlace);
  return text.worldAt(x, y, z);
}
