import type { VolumePayload, VoxelsPayload } from "../src/protocol";

/** A head of sorts: an ellipsoid with a skull, two ventricles and some texture. */
export function fakeVolume(name: string) {
  const full: [number, number, number] = name === "volume-large" ? [256, 256, 256] : [64, 80, 36];
  const voxels = new Uint8Array(full[0] * full[1] * full[2]);
  let at = 0;
  for (let i = 0; i < full[0]; i++) {
    for (let j = 0; j < full[1]; j++) {
      for (let k = 0; k < full[2]; k++) {
        voxels[at++] = tissue((2 * i + 1) / full[0] - 1, (2 * j + 1) / full[1] - 1, (2 * k + 1) / full[2] - 1);
      }
    }
  }
  const known = name !== "volume-unknown";
  const step = name === "volume-large" ? 1 : 2;
  const affine = [
    [-step, 0, 0, (step * full[0]) / 2],
    [0, step, 0, (-step * full[1]) / 2],
    [0, 0, known && step === 2 ? 4 : 1, -70],
    [0, 0, 0, 1],
  ];
  const spacing = (axis: number) => (known ? Math.abs(affine[axis][axis]) : 1);
  const plane = (
    given: VolumePayload["planes"][number]["name"],
    axis: number,
    rows: number,
    columns: number,
    marks: string,
  ) => ({
    name: given,
    axis,
    rows,
    columns,
    flip_rows: known,
    flip_columns: known && columns === 0,
    marks: (known ? [...marks] : ["", "", "", ""]) as [string, string, string, string],
    spacing: [spacing(axis), spacing(rows), spacing(columns)] as [number, number, number],
  });
  const planes: VolumePayload["planes"] = known
    ? [plane("axial", 2, 1, 0, "LRAP"), plane("coronal", 1, 2, 0, "LRSI"), plane("sagittal", 0, 2, 1, "PASI")]
    : [plane("first", 0, 1, 2, ""), plane("second", 1, 0, 2, ""), plane("third", 2, 0, 1, "")];
  const volume: VolumePayload = { affine: known ? affine : null, planes };
  const picture: VoxelsPayload = { shape: full, dtype: "uint8", buffer: 0, low: 0, high: 1200, full };
  return { picture, volume, voxels };
}

function tissue(x: number, y: number, z: number): number {
  const away = Math.hypot(x / 0.86, y / 0.92, z / 0.9);
  if (away > 1) {
    return 0;
  }
  if (away > 0.93) {
    return 210;
  }
  if (Math.hypot((Math.abs(x) - 0.14) / 0.09, (y - 0.1) / 0.35, (z - 0.1) / 0.2) < 1) {
    return 40;
  }
  const folds = Math.sin(17 * x) * Math.sin(15 * y) * Math.sin(13 * z);
  return Math.round((away > 0.75 ? 100 : 150) + 18 * folds);
}

/** A map with one strong place, and a weaker one of the other sign. */
export function fakeSolidMap(method: string) {
  const shape = [9, 10, 8];
  const values = new Float32Array(9 * 10 * 8);
  let at = 0;
  for (let i = 0; i < 9; i++) {
    for (let j = 0; j < 10; j++) {
      for (let k = 0; k < 8; k++) {
        const near = Math.exp(-((i - 5.5) ** 2 + (j - 6) ** 2 + (k - 4) ** 2) / 4);
        const other = Math.exp(-((i - 2) ** 2 + (j - 3) ** 2 + (k - 4) ** 2) / 3);
        values[at++] = near - (method === "occlusion" ? 0.7 * other : 0);
      }
    }
  }
  return { shape, values };
}
