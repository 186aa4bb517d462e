import { formatShape } from "../../format";
import type { Result } from "../../paint/decode";
import type { RequestId, Status, WireLayer } from "../../protocol";
import type { Answer } from "../../reducer";
import type { Strings } from "../../strings";
import { useStore, useText } from "../context";

/** What the numbers are: method, class, layer, grid; and what must be said about them. */
export function Caption({ answer }: { answer: Answer | null }) {
  const text = useText();
  const { status } = useStore().known.value;
  if (answer === null) {
    return <figcaption class="xai-caption xai-quiet">{text.nothingYet}</figcaption>;
  }
  const { result, requestId } = answer;
  const parts = [
    result.target_label,
    layerName(result.layer),
    text.grid(
      formatShape(result.depth > 1 ? [result.depth, result.rows, result.columns] : [result.rows, result.columns]),
    ),
  ];
  const badge = badgeText(result, requestId, status, text);
  return (
    <figcaption class="xai-caption">
      <span>
        <strong>{result.method_label}</strong> · {parts.filter(Boolean).join(" · ")}
      </span>
      {badge && <span class="xai-badge">{badge}</span>}
      {mapNotes(result, text).map((note) => (
        <p key={note} class="xai-map-note">
          {note}
        </p>
      ))}
    </figcaption>
  );
}

function layerName(layer: WireLayer): string {
  return Array.isArray(layer) ? layer.join(" + ") : (layer ?? "");
}

function badgeText(result: Result, requestId: RequestId, status: Status, text: Strings): string | null {
  if (status.request_id !== null && requestId !== status.request_id) {
    return text.previous;
  }
  return result.final ? null : text.partial(result.fraction);
}

/** The kernel's own remarks; where it made none, an empty map is still called empty. */
function mapNotes(result: Result, text: Strings): readonly string[] {
  if (result.notes.length > 0) {
    return result.notes;
  }
  if (result.minimum === 0 && result.maximum === 0) {
    return [text.allZero];
  }
  return !result.signed && result.maximum <= 0 ? [text.nothingPositive] : [];
}
