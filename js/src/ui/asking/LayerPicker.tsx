import { formatShape } from "../../format";
import { layerRefusals, neighbourLayer } from "../../layers";
import type { Session } from "../../paint/decode";
import type { MethodPayload } from "../../protocol";
import { useStore, useText } from "../context";
import { Section } from "../Section";
import { Filmstrip } from "./Filmstrip";

/** The values of options that are no layer's name; names of modules never begin with a colon. */
const DEFAULT = ":default";
const FUSED = ":fused";

/** Where in the model the method looks. */
export function LayerPicker({ session, method }: { session: Session; method: MethodPayload }) {
  const store = useStore();
  const text = useText();
  if (!method.uses_layer) {
    return (
      <Section title={text.layer}>
        <select class="xai-select" aria-label={text.layer} disabled title={text.noLayerHelp}>
          <option>{text.noLayer}</option>
        </select>
      </Section>
    );
  }
  const layer = store.settings.layer.value;
  const chosen = Array.isArray(layer) ? FUSED : (layer ?? DEFAULT);
  const at = session.layers.findIndex(({ name }) => name === layer);
  const refusal = at < 0 ? null : method.layer_refusals[at];
  const refusals = layerRefusals(method, session.layers);
  const choose = (name: string | null) => store.change({ layer: name });
  const step = (direction: -1 | 1) => {
    const next = neighbourLayer(layer, method, session.layers, direction);
    const label = direction < 0 ? text.previousLayer : text.nextLayer;
    return (
      <button
        type="button"
        class="xai-button xai-step"
        aria-label={label}
        title={next === null ? label : `${label}: ${next}`}
        disabled={next === null}
        onClick={() => choose(next)}
      >
        {direction < 0 ? "‹" : "›"}
      </button>
    );
  };
  return (
    <Section title={text.layer}>
      <div class="xai-row">
        <select
          class="xai-select"
          aria-label={text.layer}
          value={chosen}
          onChange={(event) => choose(event.currentTarget.value === DEFAULT ? null : event.currentTarget.value)}
        >
          <option value={DEFAULT}>{text.defaultLayer(method.default_layer)}</option>
          {Array.isArray(layer) && (
            <option value={FUSED} disabled>
              {text.fusedLayers(layer)}
            </option>
          )}
          {session.layers.map(({ name, type, shape }, index) => (
            <option
              key={name}
              value={name}
              disabled={Boolean(method.layer_refusals[index])}
              title={method.layer_refusals[index] ?? type}
            >
              {`${name} — ${formatShape(shape)}`}
            </option>
          ))}
        </select>
        {step(-1)}
        {step(1)}
      </div>
      {method.film ? (
        <Filmstrip session={session} method={method} />
      ) : (
        method.refusal === null && <p class="xai-help-text">{text.noFilm}</p>
      )}
      {refusal && <p class="xai-warning">{refusal}</p>}
      {refusals.length > 0 && (
        <details class="xai-details">
          <summary>{text.unsuitableLayers(refusals.reduce((all, { layers }) => all + layers.length, 0))}</summary>
          <dl class="xai-reasons">
            {refusals.map(({ reason, layers }) => (
              <div key={reason}>
                <dt>{layers.join(", ")}</dt>
                <dd>{reason}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </Section>
  );
}
