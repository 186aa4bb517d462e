/**
 * Zoom and pan, as plain geometry.
 *
 * A *share* is a place along a width and a height, from 0 to 1: of the frame (what is on the screen), or of the picture.
 * At zoom 1 the two are the same.
 */
import { type Viewport, WHOLE } from "../view";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Rect extends Point {
  readonly width: number;
  readonly height: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

export const WIDEST: number = WHOLE.zoom;
export const CLOSEST = 16;
/** What a button or a key does to the zoom. */
export const ZOOM_STEP = 2 ** 0.5;
/** What keys do to it. */
export const ZOOM_KEYS: Record<string, (viewport: Viewport) => Viewport> = {
  "+": (viewport) => zoomAt(viewport, ZOOM_STEP),
  "=": (viewport) => zoomAt(viewport, ZOOM_STEP),
  "-": (viewport) => zoomAt(viewport, 1 / ZOOM_STEP),
  "0": () => WHOLE,
};
/** What a key moves the picture by, as a share of the frame. */
export const PAN_STEP = 0.125;
/** From this size on (in CSS pixels), a pixel of an enlarged picture is shown as the square that it is. */
const VISIBLE_PIXEL = 6;

const MIDDLE: Point = { x: 0.5, y: 0.5 };

/** The nearest viewport that shows nothing beside the picture. */
export function clamp({ zoom, x, y }: Viewport): Viewport {
  const clamped = within(zoom, WIDEST, CLOSEST);
  const margin = 0.5 / clamped;
  return { zoom: clamped, x: within(x, margin, 1 - margin), y: within(y, margin, 1 - margin) };
}

/** The viewport that has `point` of the picture at `at` of the frame, as far as the picture's edges allow. */
export function hold(point: Point, at: Point, zoom: number): Viewport {
  const clamped = within(zoom, WIDEST, CLOSEST);
  return clamp({ zoom: clamped, x: point.x - (at.x - 0.5) / clamped, y: point.y - (at.y - 0.5) / clamped });
}

/** Enlarge by a factor; what is at `at` of the frame stays there. */
export function zoomAt(viewport: Viewport, factor: number, at: Point = MIDDLE): Viewport {
  return hold(pictureShare(viewport, at), at, viewport.zoom * factor);
}

/** Move the picture with the hand, by shares of the frame. */
export function pan(viewport: Viewport, across: number, down: number): Viewport {
  const { zoom, x, y } = viewport;
  return clamp({ zoom, x: x - across / zoom, y: y - down / zoom });
}

/** Move as little as it takes to show a point of the picture, with some room around it. */
export function reveal(viewport: Viewport, point: Point): Viewport {
  const reach = 0.5 / viewport.zoom - 0.05 / viewport.zoom;
  return clamp({
    zoom: viewport.zoom,
    x: within(viewport.x, point.x - reach, point.x + reach),
    y: within(viewport.y, point.y - reach, point.y + reach),
  });
}

/** Which share of the picture is at a share of the frame. */
export function pictureShare({ zoom, x, y }: Viewport, at: Point): Point {
  return { x: x + (at.x - 0.5) / zoom, y: y + (at.y - 0.5) / zoom };
}

/** Where in the frame a share of the picture is. */
export function frameShare({ zoom, x, y }: Viewport, point: Point): Point {
  return { x: 0.5 + (point.x - x) * zoom, y: 0.5 + (point.y - y) * zoom };
}

/** The part of the picture that is seen, in its pixels. */
export function visible({ zoom, x, y }: Viewport, { width, height }: Size): Rect {
  return {
    x: (x - 0.5 / zoom) * width,
    y: (y - 0.5 / zoom) * height,
    width: width / zoom,
    height: height / zoom,
  };
}

/** The pixel that a share of the picture lies in; the nearest one, if it lies beside the picture. */
export function pixelOf(share: Point, { width, height }: Size): Point {
  return {
    x: within(Math.floor(share.x * width), 0, width - 1),
    y: within(Math.floor(share.y * height), 0, height - 1),
  };
}

/** Whether pixels are drawn as squares: somebody looks so closely that blurring would pretend what is not there. */
export function showsPixels(zoom: number, pixelSize: number): boolean {
  return zoom > WIDEST && pixelSize >= VISIBLE_PIXEL;
}

export function within(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
