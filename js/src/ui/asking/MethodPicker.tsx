import { suits } from "../../layers";
import type { Session } from "../../paint/decode";
import type { MethodPayload } from "../../protocol";
import { useStore, useText } from "../context";
import { Section } from "../Section";

const GROUPS = ["white_box", "gradient", "black_box"] as const;

/** Which method answers, and what it is. */
export function MethodPicker({ session, method }: { session: Session; method: MethodPayload | null }) {
  const store = useStore();
  const text = useText();
  const refused = session.methods.filter(({ refusal }) => refusal !== null);
  const name = store.settings.method.value;
  const choose = (id: string) => {
    const next = session.methods.find((each) => each.id === id);
    const layer = store.settings.layer.peek();
    const unsuitable = next !== undefined && !suits(next, session.layers, layer);
    // The parameters belong to the method they were set for; a layer is kept if the next method can use it.
    store.change({ method: id, params: {}, ...(unsuitable && { layer: null }) });
  };
  return (
    <Section title={text.method}>
      <select
        class="xai-select"
        aria-label={text.method}
        title={method?.refusal ?? method?.summary}
        value={name}
        onChange={(event) => choose(event.currentTarget.value)}
      >
        {method === null && (
          <option value={name} disabled>
            {name}
          </option>
        )}
        {GROUPS.map((access) => {
          const members = session.methods.filter((each) => each.access === access);
          return (
            members.length > 0 && (
              <optgroup key={access} label={text.accessGroups[access]}>
                {members.map(({ id, label, refusal }) => (
                  <option key={id} value={id} disabled={refusal !== null} title={refusal ?? ""}>
                    {label}
                  </option>
                ))}
              </optgroup>
            )
          );
        })}
      </select>
      {method?.refusal && <p class="xai-warning">{text.refused(method.refusal)}</p>}
      {method && <p class="xai-summary">{method.summary}</p>}
      {method && (method.when || method.formula || method.cites) && <About method={method} />}
      {refused.length > 0 && (
        <details class="xai-details">
          <summary>{text.refusedMethods(refused.length)}</summary>
          <dl class="xai-reasons">
            {refused.map(({ id, label, refusal }) => (
              <div key={id}>
                <dt>{label}</dt>
                <dd>{refusal}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </Section>
  );
}

function About({ method }: { method: MethodPayload }) {
  const text = useText();
  return (
    <details class="xai-details">
      <summary>{text.about}</summary>
      {method.when && <p class="xai-when">{method.when}</p>}
      {method.formula && <pre class="xai-formula">{method.formula}</pre>}
      {method.cites && (
        <p class="xai-cites">
          <span class="xai-quiet">{text.reference}:</span> {method.cites}
        </p>
      )}
    </details>
  );
}
