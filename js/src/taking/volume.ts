/** A volume as one picture, as the kernel's `render.volumes` paints it. */
import { tileView } from "../comparing/painting";
import { largestSolid } from "../paint/box";
import type { Result } from "../paint/decode";
import { topOf } from "../paint/top";
import type { View } from "../protocol";
import { solidOn } from "../volume/box";
import { compose, type Tile } from "../volume/compose";
import { cutMap, cutPicture, gridOf } from "../volume/cut";
import { placeOf } from "../volume/place";
import { shareOf } from "../volume/space";
import type { Volume } from "../volume/volume";
import { newCanvas, paintScene } from "./painting";

const INK = "#fff";
/** Lines of the crosshair let the picture through. */
const LINE = "rgb(255 255 255 / 51%)";
/** How much of a pane's shorter side the crosshair leaves open in its middle, and how tall its letters are. */
const OPEN = 1 / 12;
const LETTERS = 1 / 15;

/** What a tile is drawn with: where it lies in the file, and how large it is there. */
interface Frame {
  readonly context: CanvasRenderingContext2D;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Draw the panes or the montage that are shown, `scale` times as large as their pixels. */
export function volumeCanvas(volume: Volume, result: Result | null, whole: View, scale: number): HTMLCanvasElement {
  const { full, affine } = volume;
  const view = tileView(whole);
  const plan = compose(volume, view);
  const { canvas, context } = newCanvas(plan.width * scale, plan.height * scale);
  context.fillStyle = "#000";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const top = result && topOf(result, view);
  const solid =
    result !== null && view.box ? largestSolid(result.values, gridOf(result), full, view.box_threshold) : null;
  for (const tile of plan.tiles) {
    const at = tile.at[tile.plane.axis];
    const session = cutPicture(volume, tile.plane, at);
    const map = result && cutMap(result, tile.plane, at, full, view.cells);
    const box = solidOn(solid, tile.plane, at, full);
    const painted = paintScene({ session, result: map, view, regions: null, top, box, scale });
    const [left, upper, width, height] = [tile.left, tile.top, tile.width, tile.height].map((each) => each * scale);
    const frame = { context, left, top: upper, width, height };
    context.drawImage(painted, left, upper);
    const montage = view.layout === "montage";
    if (!montage) {
      drawCross(frame, tile, volume);
    } else {
      const pad = Math.min(width, height) / 40;
      write(frame, placeOf(affine, tile.number, tile.at) || String(at), pad, height - pad, "left", "bottom");
    }
    if (!montage || tile === plan.tiles[0]) {
      drawMarks(frame, tile, montage);
    }
  }
  return canvas;
}

/** The lines of the other two planes, open where they meet. */
function drawCross({ context, left, top, width, height }: Frame, { at, plane }: Tile, { full }: Volume): void {
  const share = shareOf(at, plane, full);
  const [x, y] = [Math.floor(share.x * width), Math.floor(share.y * height)];
  const open = Math.max(3, (Math.min(width, height) * OPEN) / 2);
  const line = Math.max(1, Math.round(width / 400));
  const from = (middle: number) => middle - Math.floor(line / 2);
  context.fillStyle = LINE;
  const stroke = (column: number, row: number, across: number, down: number) =>
    context.fillRect(left + column, top + row, Math.max(across, 0), Math.max(down, 0));
  stroke(from(x), 0, line, y - open);
  stroke(from(x), y + open, line, height - y - open);
  stroke(0, from(y), x - open, line);
  stroke(x + open, from(y), width - x - open, line);
}

/** What stands at the edges; at the bottom of a montage's slice stands where it lies. */
function drawMarks(frame: Frame, { plane: { marks } }: Tile, montage: boolean): void {
  const { width, height } = frame;
  const pad = Math.min(width, height) / 40;
  const [left, right, top, bottom] = marks;
  write(frame, left, pad, height / 2, "left", "middle");
  write(frame, right, width - pad, height / 2, "right", "middle");
  write(frame, top, width / 2, pad, "center", "top");
  write(frame, montage ? "" : bottom, width / 2, height - pad, "center", "bottom");
}

function write(
  { context, left, top, width, height }: Frame,
  words: string,
  x: number,
  y: number,
  align: CanvasTextAlign,
  baseline: CanvasTextBaseline,
): void {
  const size = Math.max(9, Math.min(width, height) * LETTERS);
  context.font = `${size}px system-ui, sans-serif`;
  context.textAlign = align;
  context.textBaseline = baseline;
  context.lineWidth = size / 4;
  context.lineJoin = "round";
  context.strokeStyle = "#000";
  context.strokeText(words, left + x, top + y);
  context.fillStyle = INK;
  context.fillText(words, left + x, top + y);
}
