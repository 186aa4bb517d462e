import type { Session } from "../../paint/decode";
import type { Viewport } from "../view";
import { type Point, pictureShare, pixelOf } from "./viewport";

/** Browsers round positions to 64ths of a pixel: a pointer on the border of two pixels belongs to the second. */
const LAYOUT_UNIT = 1 / 64;

type Position = Pick<PointerEvent, "clientX" | "clientY">;

/** Where on an element a pointer is, as shares of its width and height. */
export function shareAt({ clientX, clientY }: Position, element: Element): Point {
  const box = element.getBoundingClientRect();
  return { x: (clientX - box.left + LAYOUT_UNIT) / box.width, y: (clientY - box.top + LAYOUT_UNIT) / box.height };
}

/** Where in the picture a pointer is, in its pixels and parts of them; an element shows `viewport` of the picture. */
export function pointAt(event: Position, element: Element, viewport: Viewport, session: Session): Point {
  const share = pictureShare(viewport, shareAt(event, element));
  return { x: share.x * session.width, y: share.y * session.height };
}

/** The picture's pixel under a pointer, over an element that shows `viewport` of the picture; the nearest if beside. */
export function pixelAt(event: Position, element: Element, viewport: Viewport, session: Session): Point {
  return pixelOf(pictureShare(viewport, shareAt(event, element)), session);
}
