import { describe, expect, it } from "vitest";
import { tileView } from "../src/comparing/painting";
import { largestSolid } from "../src/paint/box";
import { createPainter, frameSize, type Scene } from "../src/paint/painter";
import { topOf } from "../src/paint/top";
import { DEFAULT_VIEW, type PlanePayload, type View } from "../src/protocol";
import { solidOn } from "../src/volume/box";
import { compose } from "../src/volume/compose";
import { cutMap, cutPicture, gridOf, paneSize } from "../src/volume/cut";
import { crosshairOf, shownPlanes, type Triple } from "../src/volume/space";
import type { Volume } from "../src/volume/volume";
import cases from "./pane-cases.json";
import { result } from "./samples";

const bytes = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
type Case = (typeof cases)[number];

const named = cases.map((one, index) => ({ index, ...one }));
const planesOf = (one: Case) => one.planes as unknown as [PlanePayload, PlanePayload, PlanePayload];

function volumeOf(one: Case): Volume {
  return {
    affine: one.affine,
    planes: planesOf(one),
    shape: one.shape as unknown as Triple,
    full: one.full as unknown as Triple,
    voxels: bytes(one.levels),
    low: 0,
    high: 1,
  };
}

function mapOf(one: Case) {
  const [depth, rows, columns] = one.grid;
  const values = [...new Float32Array(bytes(one.values).buffer)];
  return result(values, { depth, rows, columns, signed: one.signed });
}

const viewOf = (one: Case): View => ({ ...DEFAULT_VIEW, ...(one.view as Partial<View>) });

describe("a volume painted by the page and by the kernel", () => {
  it.each(named)("is looked at in the same place: case $index", (one) => {
    expect(crosshairOf(one.view.crosshair, volumeOf(one).full)).toEqual(one.crosshair);
  });

  it.each(named)("has the same slices in its montage: case $index", (one) => {
    const { tiles } = compose(volumeOf(one), { ...viewOf(one), layout: "montage" });
    expect(tiles.map(({ at, plane }) => at[plane.axis])).toEqual(one.montage);
  });

  it.each(named)("has the same scale and the same box: case $index", (one) => {
    const map = mapOf(one);
    const view = viewOf(one);
    expect(topOf(map, view)).toBeCloseTo(one.top, 12);
    const solid = view.box ? largestSolid(map.values, gridOf(map), volumeOf(one).full, view.box_threshold) : null;
    expect(solid).toEqual(one.box);
  });

  it.each(named)("has the same panes, byte for byte: case $index", (one) => {
    const volume = volumeOf(one);
    const map = mapOf(one);
    const view = tileView(viewOf(one));
    // Where there are no marks, nobody knows left from right.
    const affine = one.planes[0].marks[0] === "" ? null : [];
    const planes = shownPlanes(volume.planes, affine, view.radiological);
    const at = crosshairOf(view.crosshair, volume.full);
    const solid = view.box ? largestSolid(map.values, gridOf(map), volume.full, view.box_threshold) : null;
    one.panes.forEach((pane, number) => {
      const plane = planes[number];
      expect(plane).toEqual(pane.plane);
      expect(at[plane.axis]).toBe(pane.index);
      const scene: Scene = {
        session: cutPicture(volume, plane, at[plane.axis]),
        result: cutMap(map, plane, at[plane.axis], volume.full, view.cells),
        view,
        regions: null,
        top: topOf(map, view),
        scale: pane.scale,
        box: solidOn(solid, plane, at[plane.axis], volume.full),
      };
      const { width, height } = frameSize(scene);
      expect([height, width]).toEqual(pane.frame);
      expect(paneSize(volume.full, plane)).toEqual({ width: scene.session.width, height: scene.session.height });
      const out = new Uint8ClampedArray(4 * width * height);
      createPainter().paint(scene, out);
      expect(out.filter((_, place) => place % 4 !== 3)).toEqual(new Uint8ClampedArray(bytes(pane.painted)));
    });
  });
});
