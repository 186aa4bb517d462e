import type { Picture, Regions, Result } from "../../paint/decode";
import { createPainter, frameSize, type Scene } from "../../paint/painter";
import type { Mode, View } from "../../protocol";
import { type Viewport, WHOLE } from "../view";
import { panels } from "./panels";
import { createTurns, type Turns } from "./turns";
import { showsPixels, visible, within } from "./viewport";

/** What a canvas is to show. */
export interface Shown<Answer> {
  readonly session: Picture;
  readonly answer: Answer | null;
  readonly view: View;
  readonly regions?: Regions | null;
  /** The number of the strongest colour, where several pictures share a scale. */
  readonly top?: number | null;
  readonly viewport?: Viewport;
  /** See `Scene`. */
  readonly box?: Scene["box"];
}

export interface Surface<Answer> {
  show(shown: Shown<Answer>): void;
  close(): void;
}

interface Options<Answer> {
  /** Those that several canvases take. */
  readonly turns?: Turns;
  /** How well the picture is scaled to the screen: what is best takes a while where there is no graphics card. */
  readonly quality?: ImageSmoothingQuality;
  onPainted?(answer: Answer | null): void;
}

/** Views with lines in them: these are drawn for the screen's pixels, not for the picture's. */
const LINED: readonly Mode[] = ["contours", "regions"];
const FINEST = 4;

/**
 * Keeps a canvas painted: exactly by the painting rule first, then the part that is looked at, scaled to the screen.
 *
 * Drawing happens at most once a frame. A canvas without a size (a hidden tab, a cell scrolled away) is left alone and
 * painted when it gets one.
 */
export function createSurface<Answer extends { readonly result: Result }>(
  canvas: HTMLCanvasElement,
  { turns = createTurns(), quality = "high", onPainted }: Options<Answer>,
): Surface<Answer> {
  const composite = document.createElement("canvas");
  const painter = createPainter();
  let image: ImageData | null = null;
  let shown: Shown<Answer> | null = null;
  let painted: Scene | null = null;

  const request = () => turns.take(canvas, draw);
  const draw = () => {
    const width = Math.round(canvas.clientWidth * devicePixelRatio);
    const height = Math.round(canvas.clientHeight * devicePixelRatio);
    const context = canvas.getContext("2d");
    if (shown === null || context === null || width === 0 || height === 0) {
      return;
    }
    const { answer, viewport = WHOLE } = shown;
    const scene = sceneOf(shown, width, viewport.zoom);
    if (!same(scene, painted)) {
      compose(scene);
    }
    // Setting the size clears the canvas, even to the same size.
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const pixelSize = (canvas.clientHeight * viewport.zoom) / scene.session.height;
    // True cells have hard edges, however small the picture.
    context.imageSmoothingEnabled = !scene.view.cells && !showsPixels(viewport.zoom, pixelSize);
    context.imageSmoothingQuality = quality;
    context.drawImage(composite, 0, 0, width, height);
    if (viewport.zoom > WHOLE.zoom) {
      drawPart(context, scene, viewport);
    }
    onPainted?.(answer);
  };
  const drawPart = (context: CanvasRenderingContext2D, scene: Scene, viewport: Viewport) => {
    const { session, scale } = scene;
    const part = visible(viewport, { width: session.width * scale, height: session.height * scale });
    const { width, height } = context.canvas;
    for (const panel of panels(session, scene.result, scene.view)) {
      const left = Math.round(panel.left * width);
      const right = Math.round((panel.left + panel.width) * width);
      const from = Math.round(panel.left * composite.width) + part.x;
      context.drawImage(composite, from, part.y, part.width, part.height, left, 0, right - left, height);
    }
  };
  const compose = (scene: Scene) => {
    const target = composite.getContext("2d");
    if (target === null) {
      return;
    }
    const { width, height } = frameSize(scene);
    if (image === null || image.width !== width || image.height !== height) {
      composite.width = width;
      composite.height = height;
      image = target.createImageData(width, height);
    }
    painter.paint(scene, image.data);
    target.putImageData(image, 0, 0);
    painted = scene;
  };

  const resized = new ResizeObserver(request);
  resized.observe(canvas);
  const density = watchDensity(request);
  return {
    show(next) {
      shown = next;
      request();
    },
    close() {
      turns.leave(canvas);
      resized.disconnect();
      density.abort();
    },
  };
}

function sceneOf<Answer extends { readonly result: Result }>(
  { session, answer, view, regions = null, top = null, box }: Shown<Answer>,
  width: number,
  zoom: number,
): Scene {
  const lined = LINED.includes(view.mode) || Boolean(box && view.box);
  const scale = lined ? within(Math.ceil((width * zoom) / session.width), 1, FINEST) : 1;
  return { session, result: answer?.result ?? null, view, regions, top, scale, box };
}

function same(one: Scene, other: Scene | null): boolean {
  return other !== null && (Object.keys(one) as (keyof Scene)[]).every((key) => one[key] === other[key]);
}

/** Calls back whenever the page moves to a screen of another pixel density, or is zoomed. */
function watchDensity(changed: () => void): AbortController {
  const lifetime = new AbortController();
  const watch = () => {
    const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    query.addEventListener(
      "change",
      () => {
        changed();
        watch();
      },
      { once: true, signal: lifetime.signal },
    );
  };
  watch();
  return lifetime;
}
