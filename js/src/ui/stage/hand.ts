import type { Signal } from "@preact/signals";
import type { Viewport } from "../view";
import { hold, type Point, pan, pictureShare, WIDEST, zoomAt } from "./viewport";

export interface HandOptions {
  readonly viewport: Pick<Signal<Viewport>, "peek" | "value">;
  /** Whether a pointer on this element moves the picture. */
  takes(target: EventTarget | null): boolean;
  /** A place on the screen as a share of the picture's frame. */
  shareAt(client: Point): Point;
  /** Width and height of the picture's frame on the screen. */
  size(): { readonly width: number; readonly height: number };
}

/** How much one turn of a wheel may zoom, and how strongly a trackpad's finer steps do. */
const WHEEL_LIMIT = 25;
const WHEEL_SPEED = 0.01;
const LINE_HEIGHT = 16;

/** Moves and enlarges the picture by hand: wheel with Ctrl or Cmd, trackpad, two fingers, dragging. Returns its end. */
export function createHand(frame: HTMLElement, { viewport, takes, shareAt, size }: HandOptions): () => void {
  const lifetime = new AbortController();
  const { signal } = lifetime;
  const fingers = new Map<number, Point>();

  const onWheel = (event: WheelEvent) => {
    // The plain wheel is the page's.
    if (!event.ctrlKey && !event.metaKey) {
      return;
    }
    event.preventDefault();
    const turned = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : LINE_HEIGHT);
    const bounded = Math.sign(turned) * Math.min(Math.abs(turned), WHEEL_LIMIT);
    viewport.value = zoomAt(viewport.peek(), Math.exp(-bounded * WHEEL_SPEED), shareAt(place(event)));
  };
  const onDown = (event: PointerEvent) => {
    if (event.button !== 0 || !takes(event.target)) {
      return;
    }
    fingers.set(event.pointerId, place(event));
    if (viewport.peek().zoom > WIDEST && event.target instanceof Element) {
      event.target.setPointerCapture(event.pointerId);
      frame.dataset.dragged = "true";
    }
  };
  const onMove = (event: PointerEvent) => {
    const last = fingers.get(event.pointerId);
    if (last === undefined) {
      return;
    }
    const before = [...fingers.values()];
    const now = place(event);
    fingers.set(event.pointerId, now);
    if (before.length === 1 && viewport.peek().zoom > WIDEST) {
      const { width, height } = size();
      viewport.value = pan(viewport.peek(), (now.x - last.x) / width, (now.y - last.y) / height);
    } else if (before.length === 2) {
      pinch(before, [...fingers.values()]);
    }
  };
  const pinch = ([a, b]: readonly Point[], [c, d]: readonly Point[]) => {
    const known = viewport.peek();
    const held = pictureShare(known, shareAt(middle(a, b)));
    const apart = Math.hypot(a.x - b.x, a.y - b.y);
    if (apart > 0) {
      const zoom = (known.zoom * Math.hypot(c.x - d.x, c.y - d.y)) / apart;
      viewport.value = hold(held, shareAt(middle(c, d)), zoom);
    }
  };
  const onEnd = (event: PointerEvent) => {
    fingers.delete(event.pointerId);
    if (fingers.size === 0) {
      delete frame.dataset.dragged;
    }
  };
  frame.addEventListener("wheel", onWheel, { passive: false, signal });
  frame.addEventListener("pointerdown", onDown, { signal });
  frame.addEventListener("pointermove", onMove, { signal });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"] as const) {
    // Fingers are also lifted beside the picture.
    frame.ownerDocument.addEventListener(name, onEnd, { signal });
  }
  // One finger scrolls the page; two would scroll it as well, and the browser would take the pointers away.
  frame.addEventListener("touchmove", (event) => fingers.size > 1 && event.preventDefault(), {
    passive: false,
    signal,
  });
  followGestures(frame, signal, (factor, at) => {
    if (fingers.size === 0) {
      viewport.value = zoomAt(viewport.peek(), factor, shareAt(at));
    }
  });
  return () => lifetime.abort();
}

/** Safari tells of a trackpad's pinch in events of its own, other browsers as a wheel with Ctrl. */
function followGestures(frame: HTMLElement, signal: AbortSignal, zoom: (factor: number, at: Point) => void): void {
  let scale = 1;
  const begin = (event: Event) => {
    event.preventDefault();
    scale = 1;
  };
  const change = (event: Event) => {
    event.preventDefault();
    const gesture = event as MouseEvent & { readonly scale: number };
    zoom(gesture.scale / scale, place(gesture));
    scale = gesture.scale;
  };
  frame.addEventListener("gesturestart", begin, { signal });
  frame.addEventListener("gesturechange", change, { signal });
}

function place({ clientX, clientY }: MouseEvent): Point {
  return { x: clientX, y: clientY };
}

function middle(one: Point, other: Point): Point {
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
}
