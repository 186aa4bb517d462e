import { useRef } from "preact/hooks";
import { useText, useView } from "../context";
import { shareAt } from "./pointing";
import { frameShare, pictureShare, within } from "./viewport";

const STEP = 0.01;
const LEAP = 0.1;
const KEYS: Record<string, (at: number) => number> = {
  ArrowLeft: (at) => at - STEP,
  ArrowDown: (at) => at - STEP,
  ArrowRight: (at) => at + STEP,
  ArrowUp: (at) => at + STEP,
  PageDown: (at) => at - LEAP,
  PageUp: (at) => at + LEAP,
  Home: () => 0,
  End: () => 1,
};

/** The edge of the heat map, to be pulled over the picture: left of it the map, right of it the picture alone. */
export function Curtain() {
  const { store, viewport } = useView();
  const text = useText();
  const rail = useRef<HTMLDivElement>(null);
  const { curtain } = store.view.value;
  const percent = Math.round(curtain * 100);
  const { x } = frameShare(viewport.value, { x: curtain, y: 0.5 });
  const pull = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    if (rail.current && event.currentTarget.hasPointerCapture(event.pointerId)) {
      const at = pictureShare(viewport.peek(), shareAt(event, rail.current)).x;
      store.preview({ curtain: within(Math.round(at * 1000) / 1000, 0, 1) });
    }
  };
  const letGo = () => store.keep({ curtain: store.view.peek().curtain });
  return (
    <div ref={rail} class="xai-rail">
      <div
        class="xai-curtain"
        style={{ left: `${within(x, 0, 1) * 100}%` }}
        role="slider"
        tabIndex={0}
        aria-label={text.curtain}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={text.curtainAt(percent)}
        onPointerDown={(event) => {
          if (event.button === 0) {
            event.currentTarget.setPointerCapture(event.pointerId);
          }
        }}
        onPointerMove={pull}
        onLostPointerCapture={letGo}
        onKeyDown={(event) => {
          const key = KEYS[event.key];
          if (key !== undefined && !event.altKey && !event.ctrlKey && !event.metaKey) {
            event.preventDefault();
            store.preview({ curtain: within(Math.round(key(store.view.peek().curtain) * 1000) / 1000, 0, 1) });
          }
        }}
        // A key that is held down moves the curtain many times; the kernel hears of it once.
        onKeyUp={letGo}
        onBlur={letGo}
      >
        <svg class="xai-icon" viewBox="0 0 16 16" aria-hidden="true">
          <path d="M6 4.5L2.5 8 6 11.5M10 4.5L13.5 8 10 11.5" />
        </svg>
      </div>
    </div>
  );
}
