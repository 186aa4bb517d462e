import type { Signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Session } from "../../paint/decode";
import { strongest } from "../../paint/finding";
import type { Answer } from "../../reducer";
import { useShownView, useView } from "../context";
import type { Probe } from "../view";
import { createSurface, type Surface } from "./surface";

interface Props {
  session: Session;
  answer: Answer | null;
  probe: Signal<Probe | null>;
  label: string;
}

const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const LEAP = 10;
/** Browsers round positions to 64ths of a pixel: a pointer on the border of two pixels belongs to the second. */
const LAYOUT_UNIT = 1 / 64;

/** The canvas, and what pointing at it means. */
export function PictureCanvas({ session, answer, probe, label }: Props) {
  const { painted, hidden } = useView();
  const canvas = useRef<HTMLCanvasElement>(null);
  const surface = useRef<Surface | null>(null);
  const view = useShownView();

  useLayoutEffect(() => {
    if (canvas.current === null) {
      return undefined;
    }
    const made = createSurface(canvas.current, (shown) => {
      painted.value = shown;
    });
    surface.current = made;
    return () => made.close();
  }, [painted]);
  useLayoutEffect(() => surface.current?.show({ session, answer, view }), [session, answer, view]);

  const point = (event: PointerEvent & { currentTarget: HTMLCanvasElement }) => {
    const box = event.currentTarget.getBoundingClientRect();
    const x = pixelAt((event.clientX - box.left + LAYOUT_UNIT) / box.width, session.width);
    const y = pixelAt((event.clientY - box.top + LAYOUT_UNIT) / box.height, session.height);
    probe.value = { x, y, spoken: false };
  };
  const press = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (event.key === "Escape") {
      probe.value = null;
    } else if (step !== undefined && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      const from = probe.peek();
      const pace = event.shiftKey ? LEAP : 1;
      probe.value = from === null ? start(session, hidden.peek() ? null : answer) : move(from, step, pace, session);
    }
  };
  return (
    <canvas
      ref={canvas}
      class="xai-canvas"
      role="img"
      aria-label={label}
      // The arrow keys read values from the picture.
      tabIndex={0}
      onPointerMove={point}
      onPointerDown={point}
      onPointerLeave={() => {
        probe.value = null;
      }}
      onKeyDown={press}
      onBlur={() => {
        probe.value = null;
      }}
    />
  );
}

function pixelAt(share: number, length: number): number {
  return Math.min(Math.max(Math.floor(share * length), 0), length - 1);
}

function move(from: Probe, [dx, dy]: [number, number], pace: number, { width, height }: Session): Probe {
  const x = Math.min(Math.max(from.x + dx * pace, 0), width - 1);
  const y = Math.min(Math.max(from.y + dy * pace, 0), height - 1);
  return { x, y, spoken: true };
}

/** The cross-hair first appears where the map is strongest, the place most people want to know about. */
function start(session: Session, answer: Answer | null): Probe {
  const found = answer === null ? null : strongest(answer.result);
  const across = found === null || answer === null ? 0.5 : (found.column + 0.5) / answer.result.columns;
  const down = found === null || answer === null ? 0.5 : (found.row + 0.5) / answer.result.rows;
  return { x: pixelAt(across, session.width), y: pixelAt(down, session.height), spoken: true };
}
