/** Where things are in a volume: voxels, planes, millimetres. Pure. */
import type { PlanePayload } from "../protocol";

/** One number an axis, in the order in which the input is stored. */
export type Triple = readonly [number, number, number];
export type PlaneNumber = 0 | 1 | 2;
export const PLANES: readonly PlaneNumber[] = [0, 1, 2];

/** How many steps in the memory of a volume lead to the next voxel along each axis. */
export function strides([, height, width]: Triple): Triple {
  return [height * width, width, 1];
}

/** The voxel that is nearest; whole numbers, inside. */
export function clampVoxel(voxel: Triple, shape: Triple): Triple {
  return triple((axis) => Math.min(Math.max(Math.round(voxel[axis]), 0), shape[axis] - 1));
}

export function middle(shape: Triple): Triple {
  return triple((axis) => Math.floor(shape[axis] / 2));
}

/** The crosshair as it is set, inside the volume; the middle where it is not. */
export function crosshairOf(crosshair: readonly number[] | null, shape: Triple): Triple {
  return crosshair?.length === 3 && crosshair.every(Number.isFinite)
    ? clampVoxel(crosshair as unknown as Triple, shape)
    : middle(shape);
}

/** A voxel with one of its numbers changed. */
export function withAxis(voxel: Triple, axis: number, value: number): Triple {
  return triple((each) => (each === axis ? value : voxel[each]));
}

export function sameVoxel(one: Triple, other: Triple): boolean {
  return one.every((value, axis) => value === other[axis]);
}

/** Where a voxel of one grid lies in another over the same space. */
export function acrossGrids(voxel: Triple, from: Triple, to: Triple): Triple {
  return triple((axis) => Math.floor(((2 * voxel[axis] + 1) * to[axis]) / (2 * from[axis])));
}

/** World coordinates of a voxel. */
export function worldOf(voxel: Triple, affine: readonly (readonly number[])[]): Triple {
  return triple((row) => affine[row].slice(0, 3).reduce((sum, each, axis) => sum + each * voxel[axis], affine[row][3]));
}

/** Which world coordinate tells the place of a slice: z of an axial one, then y, then x. */
export function worldAxis(plane: PlaneNumber): number {
  return 2 - plane;
}

/** Whether the next voxel across a plane lies further right, further to the front or higher up, rather than less. */
export function goesUp(plane: PlaneNumber, axis: number, affine: readonly (readonly number[])[] | null): boolean {
  return affine === null || affine[worldAxis(plane)][axis] >= 0;
}

/** The planes as they are shown: by radiological convention, the patient's left is on the right. */
export function shownPlanes(
  planes: readonly PlanePayload[],
  affine: readonly (readonly number[])[] | null,
  radiological: boolean,
): readonly PlanePayload[] {
  return radiological && affine !== null ? planes.map((plane, at) => (at < 2 ? mirrored(plane) : plane)) : planes;
}

function mirrored(plane: PlanePayload): PlanePayload {
  const [left, right, top, bottom] = plane.marks;
  return { ...plane, flip_columns: !plane.flip_columns, marks: [right, left, top, bottom] };
}

/** Where on a plane (shares of its width and height, as it is shown) a voxel's middle lies. */
export function shareOf(voxel: Triple, plane: PlanePayload, shape: Triple): { x: number; y: number } {
  const along = (axis: number, flip: boolean) => {
    const share = (voxel[axis] + 0.5) / shape[axis];
    return flip ? 1 - share : share;
  };
  return { x: along(plane.columns, plane.flip_columns), y: along(plane.rows, plane.flip_rows) };
}

/** The voxel at a place of a plane; its slice stays. */
export function voxelAt(share: { x: number; y: number }, plane: PlanePayload, shape: Triple, from: Triple): Triple {
  const along = (axis: number, at: number, flip: boolean) => {
    const place = Math.min(Math.max(Math.floor(at * shape[axis]), 0), shape[axis] - 1);
    return flip ? shape[axis] - 1 - place : place;
  };
  const across = along(plane.columns, share.x, plane.flip_columns);
  const down = along(plane.rows, share.y, plane.flip_rows);
  return withAxis(withAxis(from, plane.columns, across), plane.rows, down);
}

function triple(make: (axis: number) => number): Triple {
  return [make(0), make(1), make(2)];
}
