import { useSignal } from "@preact/signals";
import type { PinsFeature } from "../../comparing/pins";
import { asked, type Chosen, commonLayers, estimate } from "../../comparing/plan";
import { formatShare } from "../../format";
import type { Session } from "../../paint/decode";
import { areProbabilities, ranking } from "../../ranking";
import { useStore, useText } from "../context";
import { Choices } from "./Choices";

interface Props {
  session: Session;
  feature: PinsFeature;
  onDone(): void;
}

const CLASSES = 6;

/** Several questions at once: what to combine, and what it costs before it starts. */
export function CompareForm({ session, feature, onDone }: Props) {
  const store = useStore();
  const text = useText();
  const chosen = useSignal<Chosen>({ methods: [], classes: [], layers: [] });
  const present = store.settings.method.value;
  const methods = session.methods.filter(({ refusal }) => refusal === null);
  const layers = commonLayers(chosen.value, session.methods, present, session.layers);
  // A layer that one of the methods cannot read is no choice any more.
  const now = { ...chosen.value, layers: chosen.value.layers.filter((name) => layers.includes(name)) };
  const { maps, seconds } = estimate(now, session.methods, present);
  const readers = methods.filter(
    ({ id, uses_layer }) => uses_layer && (now.methods.length > 0 ? now.methods.includes(id) : id === present),
  );
  const shares = areProbabilities(session.probabilities);
  const classes = ranking(session.probabilities).slice(0, CLASSES);
  const start = async () => {
    if (await feature.compare(asked(now))) {
      onDone();
    }
  };
  return (
    <form
      class="xai-compare-form"
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <Choices
        title={text.compareMethods}
        options={methods.map(({ id, label, summary }) => ({ value: id, label, help: summary }))}
        chosen={now.methods}
        onChange={(values) => {
          chosen.value = { ...now, methods: values };
        }}
      />
      <Choices
        title={text.compareClasses}
        options={classes.map((index) => ({
          value: index,
          label: session.labels[index] ?? String(index),
          help: shares ? formatShare(session.probabilities[index]) : "",
        }))}
        chosen={now.classes}
        onChange={(values) => {
          chosen.value = { ...now, classes: values };
        }}
      />
      {layers.length > 0 && (
        <Choices
          title={text.compareLayers(readers.map(({ label }) => label).join(", "))}
          options={layers.map((name) => ({ value: name, label: name, help: "" }))}
          chosen={now.layers}
          onChange={(values) => {
            chosen.value = { ...now, layers: values };
          }}
        />
      )}
      <div class="xai-compare-end">
        <span>
          <strong class="xai-number" role="status">
            {text.compareCount(maps, seconds)}
          </strong>{" "}
          <span class="xai-quiet">{text.comparePresent}</span>
        </span>
        <span class="xai-row">
          <button type="button" class="xai-button" onClick={onDone}>
            {text.compareClose}
          </button>
          <button type="submit" class="xai-button xai-primary">
            {text.compareStart}
          </button>
        </span>
      </div>
    </form>
  );
}
