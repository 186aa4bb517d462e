import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Point } from "../../doing/mask";
import type { Paper } from "../../doing/paper";
import { createPens, type Pens } from "../../doing/pens";
import type { Session } from "../../paint/decode";
import { useText, useView } from "../context";
import { Line } from "./Line";

interface Props {
  session: Session;
  paper: Paper;
  label: string;
}

const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The sheet that is painted on, by pointer or by keyboard. */
export function PaperMark({ session, paper, label }: Props) {
  const { store, probe } = useView();
  const text = useText();
  const pens = store.feature(createPens);
  const sheet = useRef<SVGRectElement>(null);
  /** Where the brush is seen. */
  const at = useSignal<Point | null>(null);
  /** Whether the keyboard has set a box's first corner. */
  const corner = useSignal(false);
  const { width, height } = session;

  const placeOf = ({ clientX, clientY }: PointerEvent): Point => {
    const toPicture = sheet.current?.getScreenCTM()?.inverse();
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(toPicture);
    return { x, y };
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0 || !event.isPrimary) {
      return;
    }
    sheet.current?.setPointerCapture(event.pointerId);
    corner.value = false;
    at.value = placeOf(event);
    paper.begin(at.value, pens.pen.peek(), pens.size.peek() / 2);
  };
  const moved = (event: PointerEvent) => {
    if (event.isPrimary) {
      at.value = placeOf(event);
      if (!corner.peek()) {
        paper.move(at.value);
      }
    }
  };
  const lift = () => {
    if (!corner.peek()) {
      paper.end();
    }
  };
  const go = (step: readonly [number, number], fine: boolean) => {
    const pace = fine ? 1 : Math.max(1, Math.round(pens.size.peek() / 4));
    const from = at.peek() ?? { x: width / 2, y: height / 2 };
    const x = Math.min(Math.max(Math.floor(from.x) + step[0] * pace, 0), width - 1);
    const y = Math.min(Math.max(Math.floor(from.y) + step[1] * pace, 0), height - 1);
    at.value = { x: x + 0.5, y: y + 0.5 };
    probe.value = { x, y, spoken: true };
    if (corner.peek()) {
      paper.move(at.value);
    }
  };
  const dab = () => {
    const here = at.peek() ?? { x: Math.floor(width / 2) + 0.5, y: Math.floor(height / 2) + 0.5 };
    at.value = here;
    if (corner.peek()) {
      corner.value = false;
      paper.end();
      return;
    }
    paper.begin(here, pens.pen.peek(), pens.size.peek() / 2);
    if (pens.pen.peek() === "box") {
      corner.value = true;
    } else {
      paper.end();
    }
  };
  const press = (event: KeyboardEvent) => {
    const done = act(event);
    if (done) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  const act = ({ key, shiftKey, ctrlKey, metaKey, altKey }: KeyboardEvent): boolean => {
    if (ctrlKey || metaKey) {
      const back = key.toLowerCase() === "z" && !shiftKey;
      const forth = key.toLowerCase() === "y" || (key.toLowerCase() === "z" && shiftKey);
      if (back) {
        paper.undo();
      } else if (forth) {
        paper.redo();
      }
      return back || forth;
    }
    const step = STEPS[key];
    if (altKey) {
      return false;
    }
    if (step !== undefined) {
      go(step, shiftKey);
    } else if (key === " " || key === "Enter") {
      dab();
    } else if (key === "[" || key === "]") {
      pens.resize(key === "]" ? 1 : -1);
    } else {
      return false;
    }
    return true;
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a drawing is no widget that roles know of */}
      <rect
        ref={sheet}
        class="xai-paper"
        width={width}
        height={height}
        // The brush is moved by arrow keys, which a screen reader would otherwise keep for itself.
        role="application"
        aria-label={label}
        tabIndex={0}
        onPointerDown={down}
        onPointerMove={moved}
        onPointerUp={lift}
        onPointerCancel={lift}
        onPointerLeave={() => {
          at.value = null;
        }}
        onKeyDown={press}
        onBlur={() => {
          probe.value = null;
          at.value = null;
          corner.value = false;
          paper.end();
        }}
      >
        <desc>{text.paperHelp}</desc>
      </rect>
      <rect class="xai-paper-focus" width={width} height={height} />
      <Tip pens={pens} at={at.value} />
    </>
  );
}

/** The brush as it would paint; a box needs a place alone. */
function Tip({ pens, at }: { pens: Pens; at: Point | null }) {
  if (at === null) {
    return null;
  }
  const radius = pens.pen.value === "box" ? 2 : pens.size.value / 2;
  const half = (across: number) => `a${radius} ${radius} 0 1 0 ${across} 0`;
  const path = `M${at.x - radius} ${at.y}${half(2 * radius)}${half(-2 * radius)}Z`;
  return <Line path={path} />;
}
