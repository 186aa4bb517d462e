import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Session } from "../../paint/decode";
import type { MethodPayload, WireTarget } from "../../protocol";
import { ranking, searchClasses } from "../../ranking";
import type { Strings } from "../../strings";
import { useStore, useText } from "../context";
import { Section } from "../Section";
import { ClassRow } from "./ClassRow";

const FEW = 5;
const MANY = 20;

/** What the model says, and which of its answers is to be explained. */
export function Predictions({ session, method }: { session: Session; method: MethodPayload | null }) {
  const store = useStore();
  const text = useText();
  const query = useSignal("");
  const expanded = useSignal(false);
  const order = useMemo(() => ranking(session.probabilities), [session]);
  const target = store.settings.target.value;
  const chosen = chosenClass(target, order[0]);
  const searching = query.value.trim() !== "";
  const found = searching ? searchClasses(order, session.labels, query.value) : order;
  const rows = found.slice(0, searching || expanded.value ? MANY : FEW);
  const apart = !searching && chosen !== null && !rows.includes(chosen);
  const row = (index: number) => (
    <ClassRow
      key={index}
      session={session}
      index={index}
      chosen={index === chosen}
      foil={typeof target === "object" && target !== null && "foil" in target && target.foil === index}
      onChoose={() => store.change({ target: index })}
    />
  );
  return (
    <Section
      title={text.predictions}
      action={
        <button
          type="button"
          class="xai-button xai-chip"
          aria-pressed={target === null}
          title={text.predictedClassHelp}
          onClick={() => target !== null && store.change({ target: null })}
        >
          {text.predictedClass}
        </button>
      }
    >
      {session.labels.length > FEW && (
        <input
          type="search"
          class="xai-input xai-search"
          aria-label={text.searchClasses}
          placeholder={text.searchPlaceholder(session.labels.length)}
          value={query.value}
          onInput={(event) => {
            query.value = event.currentTarget.value;
          }}
        />
      )}
      {special(target, session.labels, text)}
      <ul class="xai-classes" data-apart={apart}>
        {rows.map(row)}
        {apart && row(chosen)}
      </ul>
      {searching && found.length === 0 && <p class="xai-quiet">{text.noClassFound(query.value.trim())}</p>}
      {searching && found.length > MANY && <p class="xai-quiet">{text.moreMatches(found.length - MANY)}</p>}
      {!searching && order.length > FEW && (
        <button
          type="button"
          class="xai-link"
          aria-expanded={expanded.value}
          onClick={() => {
            expanded.value = !expanded.value;
          }}
        >
          {expanded.value ? text.fewer : text.more}
        </button>
      )}
      {method && !method.class_specific && <p class="xai-help-text">{text.notClassSpecific}</p>}
    </Section>
  );
}

/** The class whose row is marked; a target made of code has none. */
function chosenClass(target: WireTarget, predicted: number | undefined): number | null {
  if (target === null) {
    return predicted ?? null;
  }
  if (typeof target === "number") {
    return target;
  }
  return "foil" in target ? target.target : null;
}

/** Questions that no single row can show. */
function special(target: WireTarget, labels: readonly string[], text: Strings) {
  if (target === null || typeof target === "number") {
    return null;
  }
  const words =
    "foil" in target
      ? text.rather(labels[target.target] ?? "", labels[target.foil] ?? "")
      : text.customTarget(target.callable);
  return (
    <p class="xai-asked">
      <span class="xai-quiet">{text.askedAbout}:</span> {words}
    </p>
  );
}
