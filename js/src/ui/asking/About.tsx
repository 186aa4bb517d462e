import type { MethodPayload } from "../../protocol";
import { useText } from "../context";

/** When to use a method, its formula, what its values are, and where it is from. */
export function About({ method }: { method: MethodPayload }) {
  const text = useText();
  return (
    <details class="xai-details">
      <summary>{text.about}</summary>
      {method.when && <p class="xai-when">{method.when}</p>}
      {method.formula && <pre class="xai-formula">{method.formula}</pre>}
      {method.unit && (
        <p class="xai-cites">
          <span class="xai-quiet">{text.valueIs}:</span> {method.unit}
        </p>
      )}
      {method.cites && (
        <p class="xai-cites">
          <span class="xai-quiet">{text.reference}:</span> {method.cites}
        </p>
      )}
    </details>
  );
}
