import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Session } from "../../paint/decode";
import type { MethodPayload, WireTarget } from "../../protocol";
import { askedClasses, toggleFoil } from "../../questions";
import { ranking, searchClasses } from "../../ranking";
import type { Strings } from "../../strings";
import { useStore, useText } from "../context";
import { Section } from "../Section";
import { ClassRow } from "./ClassRow";
import { Foil } from "./Foil";

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
  const asked = askedClasses(target, order[0]);
  const searching = query.value.trim() !== "";
  const found = searching ? searchClasses(order, session.labels, query.value) : order;
  const rows = found.slice(0, searching || expanded.value ? MANY : FEW);
  const marked = [asked.target, asked.foil].filter((index) => index !== null);
  const apart = searching ? [] : marked.filter((index) => !rows.includes(index));
  const row = (index: number) => (
    <ClassRow
      key={index}
      session={session}
      index={index}
      chosen={index === asked.target}
      foil={index === asked.foil}
      onChoose={() => store.change({ target: index })}
      onHold={asked.target === null ? null : () => store.change({ target: toggleFoil(asked, index) })}
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
      {special(target, text)}
      <Foil session={session} asked={asked} order={order} />
      <ul class="xai-classes">{rows.map(row)}</ul>
      {apart.length > 0 && <ul class="xai-classes xai-classes-apart">{apart.map(row)}</ul>}
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

/** A question that no row can show: a target made of code. */
function special(target: WireTarget, text: Strings) {
  if (target === null || typeof target === "number" || "foil" in target) {
    return null;
  }
  return (
    <p class="xai-asked">
      <span class="xai-quiet">{text.askedAbout}:</span> {text.customTarget(target.callable)}
    </p>
  );
}
