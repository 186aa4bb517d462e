/** Places in a volume, in millimetres. Pure, and the same in every language of the interface. */
import { type PlaneNumber, type Triple, worldAxis, worldOf } from "./space";

const MINUS = "\u2212";

/** A length to a tenth. */
function tenth(length: number): string {
  const digits = Math.abs(length).toFixed(1);
  return length < 0 && digits !== "0.0" ? `${MINUS}${digits}` : digits;
}

/** Where the slice of a plane through a voxel lies; empty where nobody knows. */
export function placeOf(affine: readonly (readonly number[])[] | null, plane: PlaneNumber, voxel: Triple): string {
  const axis = worldAxis(plane);
  return affine === null ? "" : `${"xyz"[axis]} ${tenth(worldOf(voxel, affine)[axis])} mm`;
}

/** Where a voxel lies; empty where nobody knows. */
export function worldInWords(affine: readonly (readonly number[])[] | null, voxel: Triple): string {
  return affine === null
    ? ""
    : `${worldOf(voxel, affine)
        .map((place, axis) => `${"xyz"[axis]} ${tenth(place)}`)
        .join(", ")} mm`;
}
