/** Where the slices of a volume lie in one picture. Pure; the rule is that of the kernel's `render.volumes.compose`. */
import type { PlanePayload, View } from "../protocol";
import { paneSize } from "./cut";
import { montageColumns, montageSlices } from "./montage";
import { crosshairOf, PLANES, type PlaneNumber, shownPlanes, type Triple, withAxis } from "./space";
import type { Volume } from "./volume";

/** One slice: which one, and where its upper left corner lies. */
export interface Tile {
  readonly number: PlaneNumber;
  readonly plane: PlanePayload;
  /** A voxel of the slice. */
  readonly at: Triple;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Composition {
  readonly width: number;
  readonly height: number;
  readonly tiles: readonly Tile[];
}

/** Between two slices: a share of the width without gaps. */
const GAP = 1 / 48;
/** The least width of a picture that is taken away; small volumes are enlarged to about that. */
const LEAST = 480;

/** Three planes that meet at the crosshair, or a montage of one; a pixel is as large as a pane's. */
export function compose(volume: Volume, view: View): Composition {
  const { full, affine, planes: given } = volume;
  const planes = shownPlanes(given, affine, view.radiological);
  const crosshair = crosshairOf(view.crosshair, full);
  if (view.layout === "montage") {
    return montage(volume, PLANES[view.plane] ?? 0, planes, crosshair, view.tiles);
  }
  const sizes = planes.map((plane) => paneSize(full, plane));
  const gap = gapOf(sizes.reduce((sum, { width }) => sum + width, 0));
  const height = Math.max(...sizes.map((size) => size.height));
  let left = 0;
  const tiles = PLANES.map((number) => {
    const size = sizes[number];
    const tile = { ...size, number, plane: planes[number], at: crosshair, left, top: (height - size.height) >> 1 };
    left += size.width + gap;
    return tile;
  });
  return { width: left - gap, height, tiles };
}

/** How many times a composition is enlarged before it is taken away. */
export function fittingScale(width: number): number {
  return Math.max(Math.round(LEAST / width), 1);
}

function montage(
  volume: Volume,
  number: PlaneNumber,
  planes: readonly PlanePayload[],
  crosshair: Triple,
  count: number,
): Composition {
  const plane = planes[number];
  const slices = montageSlices(volume, number, plane, count);
  const { width, height } = paneSize(volume.full, plane);
  const columns = montageColumns(slices.length);
  const gap = gapOf(columns * width);
  const tiles = slices.map((slice, place) => ({
    number,
    plane,
    at: withAxis(crosshair, plane.axis, slice),
    left: (place % columns) * (width + gap),
    top: Math.floor(place / columns) * (height + gap),
    width,
    height,
  }));
  const rows = Math.ceil(slices.length / columns);
  return { width: columns * (width + gap) - gap, height: rows * (height + gap) - gap, tiles };
}

function gapOf(width: number): number {
  return Math.max(Math.floor(width * GAP + 0.5), 1);
}
