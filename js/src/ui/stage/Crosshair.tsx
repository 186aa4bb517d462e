import type { Session } from "../../paint/decode";
import { useView } from "../context";
import { frameShare } from "./viewport";

/** Two thin lines over the picture; not painted into it, so that the picture stays exact. */
export function Crosshair({ session }: { session: Session }) {
  const { probe, viewport } = useView();
  const at = probe.value;
  if (at === null) {
    return null;
  }
  const share = { x: (at.x + 0.5) / session.width, y: (at.y + 0.5) / session.height };
  const { x, y } = frameShare(viewport.value, share);
  return (
    <div class="xai-crosshair" aria-hidden="true">
      <span class="xai-crosshair-x" style={{ left: `${x * 100}%` }} />
      <span class="xai-crosshair-y" style={{ top: `${y * 100}%` }} />
    </div>
  );
}
