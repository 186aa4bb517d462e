import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { suits } from "../../layers";
import { methodGroups } from "../../methods";
import type { Session } from "../../paint/decode";
import type { MethodPayload } from "../../protocol";
import { useStore, useText } from "../context";
import { Section } from "../Section";
import { About } from "./About";
import { AutoRun } from "./AutoRun";
import { Badges } from "./Badges";
import { MethodCards } from "./MethodCards";

/** Which method answers, and what it is. */
export function MethodPicker({ session, method }: { session: Session; method: MethodPayload | null }) {
  const store = useStore();
  const text = useText();
  const open = useSignal(false);
  const browse = useRef<HTMLButtonElement>(null);
  const name = store.settings.method.value;
  const result = store.known.value.answer?.result;
  const choose = (id: string) => {
    const next = session.methods.find((each) => each.id === id);
    const layer = store.settings.layer.peek();
    const unsuitable = next !== undefined && !suits(next, session.layers, layer);
    // The parameters belong to the method they were set for; a layer is kept if the next method can use it.
    store.change({ method: id, params: {}, ...(unsuitable && { layer: null }) });
  };
  const close = () => {
    open.value = false;
    browse.current?.focus();
  };
  return (
    <Section title={text.method}>
      <div class="xai-row">
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
          {methodGroups(session.methods).map(({ access, methods }) => (
            <optgroup key={access} label={text.accessGroups[access]}>
              {methods.map(({ id, label, refusal }) => (
                <option key={id} value={id} disabled={refusal !== null} title={refusal ?? ""}>
                  {label}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
        <button
          ref={browse}
          type="button"
          class="xai-button xai-browse"
          aria-expanded={open.value}
          title={text.browseHelp}
          onClick={() => {
            open.value = !open.value;
          }}
          onKeyDown={(event) => {
            if (event.key === "Escape" && open.value) {
              event.stopPropagation();
              close();
            }
          }}
        >
          {open.value ? text.closeCards : text.browse}
        </button>
      </div>
      {open.value && (
        <MethodCards
          methods={session.methods}
          chosen={name}
          onChoose={(id) => {
            choose(id);
            close();
          }}
          onClose={close}
        />
      )}
      {method?.refusal && <p class="xai-warning">{text.refused(method.refusal)}</p>}
      {method && !open.value && (
        <>
          {method.refusal === null && (
            <Badges method={method} signed={result?.method === name ? result.signed : method.signed} />
          )}
          <p class="xai-summary">{method.summary}</p>
          <About method={method} />
        </>
      )}
      {method && <AutoRun method={method} />}
    </Section>
  );
}
