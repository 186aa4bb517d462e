import type { Picture, Result } from "../../paint/decode";
import { frameSize } from "../../paint/painter";
import type { View } from "../../protocol";
import type { Point } from "./viewport";

/** A part of the frame that shows the picture, as shares of the frame's width. */
export interface Panel {
  readonly left: number;
  readonly width: number;
}

/** Width over height of everything that is shown. */
export function aspectOf(session: Picture, result: Result | null, view: View): number {
  const { width, height } = frameSize({ session, result, view, regions: null, top: null, scale: 1 });
  return width / height;
}

/** Where in the frame the picture is: once, or twice side by side, however wide the line between the two is. */
export function panels(session: Picture, result: Result | null, view: View): readonly Panel[] {
  const width = session.width / session.height / aspectOf(session, result, view);
  return width < 1
    ? [
        { left: 0, width },
        { left: 1 - width, width },
      ]
    : [{ left: 0, width: 1 }];
}

/** A share of the frame as a share of the panel that it lies in. */
export function shareInPanel(share: Point, all: readonly Panel[]): Point {
  const panel = all.filter(({ left }) => share.x >= left).at(-1) ?? all[0];
  return { x: (share.x - panel.left) / panel.width, y: share.y };
}
