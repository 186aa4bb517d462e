import type { View } from "../protocol";
import { blend } from "./blend";
import { largestBox } from "./box";
import { drawContours, findContours, shownLevels } from "./contours";
import type { Picture, Regions, Result } from "./decode";
import { kept } from "./kept";
import { type Box, curtainEdge, frameBox, lineWidth, type Panel, type Place, placed } from "./lines";
import { outlined } from "./outlines";
import { enlarged, pack, packed, type Raster } from "./raster";
import { resample } from "./resample";
import { createShader, type Shades } from "./shades";
import { topOf } from "./top";
import type { Nearby } from "./traces";

export { topOf } from "./top";

/** Everything a picture with its heat map is painted from. */
export interface Scene {
  readonly session: Picture;
  /** Without one, the picture alone is painted. */
  readonly result: Result | null;
  readonly view: View;
  readonly regions: Regions | null;
  /** The value of the strongest colour, where several maps share one; null: the map's own. */
  readonly top: number | null;
  /** Output pixels per picture pixel along each side: a whole number, at least 1. */
  readonly scale: number;
  /** What is framed, of a slice through more than is seen here; absent: the box of the map that is painted. */
  readonly box?: Place | null;
}

export interface Painter {
  /** Paint a scene into the bytes of a canvas of its `frameSize`. */
  paint(scene: Scene, out: Uint8ClampedArray): void;
}

/** Between picture and overlay, side by side. */
const GAP = pack(128, 128, 128);

/** How many output pixels lie between picture and overlay, side by side. */
function gapWidth({ session, scale }: Scene): number {
  return Math.max(2, Math.floor((session.width + 20) / 40)) * scale;
}

/** The size of what a scene is painted on. */
export function frameSize(scene: Scene): { width: number; height: number } {
  const { session, result, view, scale } = scene;
  const width = session.width * scale;
  const sides = result !== null && view.mode === "side";
  return { width: sides ? 2 * width + gapWidth(scene) : width, height: session.height * scale };
}

/**
 * Paints scenes by the rule of the kernel's `render.paint`, byte for byte, and keeps what the next one may share: the
 * enlarged picture, the map on its pixels, the outlined regions, the box.
 */
export function createPainter(): Painter {
  const picture = kept(enlarged);
  const stretched = kept(finite);
  const regional = kept(outlined);
  const boxed = kept(boxOf);
  const shader = createShader();
  const found = kept(contoursOf);

  return {
    paint(scene, out) {
      const { session, result, view, regions, scale } = scene;
      const pixels = packed(out);
      const base = picture(session, scale);
      if (result === null) {
        pixels.set(base.pixels);
      } else if (view.mode === "regions") {
        const shown = regions?.labels.some((label) => label > 0) ? regional(base, regions.labels, scale) : base;
        pixels.set(shown.pixels);
      } else {
        const values = stretched(result, base.height, base.width, view.cells);
        const top = scene.top ?? topOf(result, view);
        if (view.mode === "contours") {
          const levels = shownLevels(view.threshold, result.signed);
          const line = lineWidth(session.width, scale);
          const near = found(values, base.width, levels.join(), top, view.cells, line);
          drawContours(base.pixels, near, levels, result.signed, view, line, pixels);
        } else {
          paintMap(scene, base, shader(values, top, result.signed, view.gamma), pixels);
        }
        if (view.box && scene.box === undefined) {
          const { height: rows, width: columns } = session;
          const edges = boxed(result, session, view.box_threshold);
          frame(scene, edges && { edges, rows, columns }, pixels);
        } else if (view.box) {
          frame(scene, scene.box ?? null, pixels);
        }
        if (view.mode === "curtain") {
          curtainEdge(panelsOf(scene, pixels)[0], curtainColumn(view, base.width), scale);
        }
      }
    },
  };
}

/** Paint every mode that is made of the picture and its overlay. */
function paintMap(scene: Scene, base: Raster, shades: Shades, pixels: Uint32Array): void {
  const { view } = scene;
  const [first, last] = panelsOf(scene, pixels);
  switch (view.mode) {
    case "image":
      pixels.set(base.pixels);
      break;
    case "side":
      pixels.fill(GAP);
      copyRows(base, first);
      blend(base.pixels, shades, view, base.width, last);
      break;
    case "curtain":
      pixels.set(base.pixels);
      blend(base.pixels, shades, view, curtainColumn(view, base.width), first);
      break;
    default:
      blend(base.pixels, shades, view, base.width, first);
  }
}

/** Where the picture lies in what is painted: once, or twice side by side. */
function panelsOf(scene: Scene, pixels: Uint32Array): [Panel, Panel] {
  const stride = frameSize(scene).width;
  const width = scene.session.width * scene.scale;
  const whole = { width, height: scene.session.height * scene.scale, pixels, stride };
  return [
    { ...whole, start: 0 },
    { ...whole, start: stride - width },
  ];
}

function frame(scene: Scene, box: Place | null, pixels: Uint32Array): void {
  if (box === null) {
    return;
  }
  const { view, session, scale } = scene;
  for (const panel of panelsOf(scene, pixels).slice(0, view.mode === "side" ? 2 : 1)) {
    frameBox(panel, placed(box, panel), lineWidth(session.width, scale));
  }
}

function curtainColumn(view: View, width: number): number {
  return Math.floor(view.curtain * width + 0.5);
}

function copyRows(from: Raster, to: Panel): void {
  for (let y = 0; y < from.height; y++) {
    to.pixels.set(from.pixels.subarray(y * from.width, (y + 1) * from.width), to.start + y * to.stride);
  }
}

/** A map on the pixels of a picture; what is not finite counts as zero. */
function finite(result: Result, height: number, width: number, cells: boolean): Float32Array {
  const values = resample(result, height, width, cells);
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      values[i] = 0;
    }
  }
  return values;
}

function contoursOf(
  values: Float32Array,
  width: number,
  levels: string,
  top: number,
  cells: boolean,
  line: number,
): Nearby {
  const field = { width, height: values.length / width, values };
  return findContours(field, levels === "" ? [] : levels.split(",").map(Number), top, cells, line);
}

function boxOf(result: Result, { width, height }: Picture, threshold: number): Box | null {
  return largestBox(resample(result, height, width, false), width, height, threshold);
}
