import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Regions, Session } from "../../paint/decode";
import { strongest } from "../../paint/finding";
import type { Answer } from "../../reducer";
import { useShownView, useView } from "../context";
import type { Probe } from "../view";
import { createHand } from "./hand";
import { type Panel, panels, shareInPanel } from "./panels";
import { shareAt } from "./pointing";
import { createSurface, type Surface } from "./surface";
import { PAN_STEP, type Point, pan, pictureShare, pixelOf, reveal, WIDEST, within, ZOOM_KEYS } from "./viewport";

interface Props {
  session: Session;
  answer: Answer | null;
  regions: Regions | null;
  label: string;
}

const STEPS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const LEAP = 10;

/** The canvas, and what pointing at it means. */
export function PictureCanvas({ session, answer, regions, label }: Props) {
  const { painted, probe, tool, viewport, hidden } = useView();
  const canvas = useRef<HTMLCanvasElement>(null);
  const surface = useRef<Surface<Answer> | null>(null);
  const view = useShownView();
  const looked = viewport.value;
  const parts = useRef<readonly Panel[]>([]);
  parts.current = panels(session, answer?.result ?? null, view);

  useLayoutEffect(() => {
    if (canvas.current === null) {
      return undefined;
    }
    surface.current = createSurface<Answer>(canvas.current, {
      onPainted(answer) {
        painted.value = answer;
      },
    });
    return () => surface.current?.close();
  }, [painted]);
  useLayoutEffect(
    () => surface.current?.show({ session, answer, view, regions, viewport: looked }),
    [session, answer, view, regions, looked],
  );
  useEffect(() => {
    const own = canvas.current;
    const frame = own?.parentElement;
    if (!own || !frame) {
      return undefined;
    }
    return createHand(frame, {
      viewport,
      takes: (target) => target === own && tool.peek() === "look",
      shareAt: ({ x, y }) => shareInPanel(shareAt({ clientX: x, clientY: y }, own), parts.current),
      size: () => {
        const { width, height } = own.getBoundingClientRect();
        return { width: width * parts.current[0].width, height };
      },
    });
  }, [viewport, tool]);

  const point = (event: PointerEvent & { currentTarget: HTMLCanvasElement }) => {
    if (tool.peek() === "look") {
      const share = shareInPanel(shareAt(event, event.currentTarget), parts.current);
      probe.value = { ...pixelOf(pictureShare(viewport.peek(), share), session), spoken: false };
    }
  };
  const press = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    const step = STEPS[event.key];
    const zoom = ZOOM_KEYS[event.key];
    if (event.key === "Escape") {
      probe.value = null;
    } else if (zoom !== undefined) {
      event.preventDefault();
      viewport.value = zoom(viewport.peek());
    } else if (step !== undefined) {
      event.preventDefault();
      move(step, event.shiftKey);
    }
  };
  /** Arrows move what is read; with Shift they move the enlarged picture, or read in leaps where there is all of it. */
  const move = ([across, down]: readonly [number, number], shift: boolean) => {
    const seen = viewport.peek();
    if (shift && seen.zoom > WIDEST) {
      viewport.value = pan(seen, -across * PAN_STEP, -down * PAN_STEP);
      return;
    }
    const from = probe.peek();
    const pace = shift ? LEAP : 1;
    const to =
      from === null
        ? start(session, hidden.peek() ? null : answer)
        : stepped(from, across * pace, down * pace, session);
    probe.value = { ...to, spoken: true };
    viewport.value = reveal(seen, { x: (to.x + 0.5) / session.width, y: (to.y + 0.5) / session.height });
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
      onPointerLeave={(event) => {
        // A finger that was lifted has still pointed.
        if (event.pointerType !== "touch") {
          probe.value = null;
        }
      }}
      onKeyDown={press}
      onBlur={() => {
        probe.value = null;
      }}
    />
  );
}

function stepped(from: Probe, across: number, down: number, { width, height }: Session): Point {
  return { x: within(from.x + across, 0, width - 1), y: within(from.y + down, 0, height - 1) };
}

/** The cross-hair first appears where the map is strongest, the place most people want to know about. */
function start(session: Session, answer: Answer | null): Point {
  const found = answer === null ? null : strongest(answer.result);
  if (found === null || answer === null) {
    return pixelOf({ x: 0.5, y: 0.5 }, session);
  }
  const { rows, columns } = answer.result;
  return pixelOf({ x: (found.column + 0.5) / columns, y: (found.row + 0.5) / rows }, session);
}
