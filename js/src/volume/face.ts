/** Volumes where there is room for a picture only: the first plane at the crosshair. Pure. */
import type { Picture, Result } from "../paint/decode";
import { kept } from "../paint/kept";
import type { Grid } from "../paint/resample";
import { cutMap, cutPicture, cutValues } from "./cut";
import { crosshairOf, type Triple } from "./space";
import type { Volume } from "./volume";

/** A picture and a map on it, in two dimensions. */
export interface Face {
  readonly picture: Picture;
  readonly result: Result;
}

/** Finds the faces of a volume with its map, and keeps what has not changed; what is a picture stays as it is. */
export function createFace(): (picture: Picture, result: Result, at: readonly number[] | null, cells: boolean) => Face {
  const slice = kept((volume: Volume, index: number) => cutPicture(volume, volume.planes[0], index));
  const map = kept(({ planes, full }: Volume, result: Result, index: number, cells: boolean) =>
    cutMap(result, planes[0], index, full, cells),
  );
  return (picture, result, at, cells) => {
    const { volume } = picture;
    if (!volume) {
      return { picture, result };
    }
    const index = crosshairOf(at, volume.full)[volume.planes[0].axis];
    return { picture: slice(volume, index), result: map(volume, result, index, cells) };
  };
}

/** The numbers of a small map as a picture; of a volume, its first plane at the crosshair. */
export function gridFace(
  { values, shape }: { readonly values: Float32Array; readonly shape: readonly number[] },
  volume: Volume | null,
  at: readonly number[] | null,
): Grid {
  if (shape.length < 3 || volume === null) {
    const [rows, columns] = shape.slice(-2);
    return { rows, columns, values };
  }
  const [plane] = volume.planes;
  const grid: Triple = [shape[0], shape[1], shape[2]];
  const place = crosshairOf(at, volume.full)[plane.axis];
  return {
    rows: grid[plane.rows],
    columns: grid[plane.columns],
    values: cutValues(values, grid, plane, place, volume.full[plane.axis], false),
  };
}
