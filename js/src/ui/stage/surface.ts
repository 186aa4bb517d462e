import type { Session } from "../../paint/decode";
import { createPainter, frameSize } from "../../paint/painter";
import type { View } from "../../protocol";
import type { Answer } from "../../reducer";

export interface Scene {
  readonly session: Session;
  readonly answer: Answer | null;
  readonly view: View;
}

export interface Surface {
  show(scene: Scene): void;
  close(): void;
}

/**
 * Keeps a canvas painted: at the picture's resolution first, exactly by the painting rule, then scaled to the screen.
 *
 * Drawing happens at most once a frame. A canvas without a size (a hidden tab, a cell scrolled away) is left alone and
 * painted when it gets one.
 */
export function createSurface(canvas: HTMLCanvasElement, onPainted: (answer: Answer | null) => void): Surface {
  const composite = document.createElement("canvas");
  let image: ImageData | null = null;
  let scene: Scene | null = null;
  let composed: Scene | null = null;
  const painter = createPainter();
  let frame = 0;

  const request = () => {
    frame ||= requestAnimationFrame(draw);
  };
  const draw = () => {
    frame = 0;
    const width = Math.round(canvas.clientWidth * devicePixelRatio);
    const height = Math.round(canvas.clientHeight * devicePixelRatio);
    const context = canvas.getContext("2d");
    if (scene === null || context === null || width === 0 || height === 0) {
      return;
    }
    if (scene !== composed) {
      compose(scene);
    }
    // Setting the size clears the canvas, even to the same size.
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    // True cells have hard edges, however small the picture.
    context.imageSmoothingEnabled = !scene.view.cells;
    context.imageSmoothingQuality = "high";
    context.drawImage(composite, 0, 0, width, height);
    onPainted(scene.answer);
  };
  const compose = (next: Scene) => {
    const { session, answer, view } = next;
    const target = composite.getContext("2d");
    if (target === null) {
      return;
    }
    const whole = { session, result: answer?.result ?? null, view, regions: null, top: null, scale: 1 };
    const { width, height } = frameSize(whole);
    if (image === null || image.width !== width || image.height !== height) {
      composite.width = width;
      composite.height = height;
      image = target.createImageData(width, height);
    }
    painter.paint(whole, image.data);
    target.putImageData(image, 0, 0);
    composed = next;
  };

  const resized = new ResizeObserver(request);
  resized.observe(canvas);
  const density = watchDensity(request);
  return {
    show(next) {
      scene = next;
      request();
    },
    close() {
      cancelAnimationFrame(frame);
      resized.disconnect();
      density.abort();
    },
  };
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
