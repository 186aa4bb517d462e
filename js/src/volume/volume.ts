import type { Picture } from "../paint/decode";
import type { VolumePayload, VoxelsPayload } from "../protocol";
import { cutPicture } from "./cut";
import { middle, type Triple } from "./space";

/** A volume as it is shown. */
export interface Volume extends VolumePayload {
  /** Of the voxels that are shown. */
  readonly shape: Triple;
  /** Of the input: crosshair, affine and the size of the panes are about it. */
  readonly full: Triple;
  /** 0 stands for `low`, 255 for `high`. */
  readonly voxels: Uint8Array;
  readonly low: number;
  readonly high: number;
}

/** A picture that is the middle of a volume's first plane: what has no room for more shows that. */
export function volumePicture(payload: VoxelsPayload, about: VolumePayload, voxels: Uint8Array): Picture {
  const { shape, full, low, high } = payload;
  const [plane] = about.planes;
  const volume = { ...about, shape, full, low, high, voxels };
  return { ...cutPicture(volume, plane, middle(full)[plane.axis]), volume };
}

/** The input's intensity at a voxel of the full volume, as exactly as it is shown. */
export function intensityAt({ voxels, shape, full, low, high }: Volume, voxel: Triple): number {
  const [i, j, k] = voxel.map((at, axis) => Math.floor(((2 * at + 1) * shape[axis]) / (2 * full[axis])));
  return low + ((high - low) * voxels[(i * shape[1] + j) * shape[2] + k]) / 255;
}
