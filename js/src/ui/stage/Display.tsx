import { DIVERGING, SEQUENTIAL, tableName } from "../../paint/tables";
import { MODES, type View } from "../../protocol";
import { useStore, useText } from "../context";
import { Section } from "../Section";
import { Slider } from "../Slider";

const WIDEST_GAMMA = 3;

/** How the map is shown. Nothing here computes anything, and nothing is sent before a control is let go. */
export function Display() {
  const store = useStore();
  const text = useText();
  const view = store.view.value;
  const signed = store.known.value.answer?.result.signed ?? false;
  const slider = (key: "opacity" | "threshold" | "gamma") => ({
    value: view[key],
    onPreview: (value: number) => store.preview({ [key]: value }),
    onKeep: (value: number) => store.keep({ [key]: value }),
  });
  const percent = (value: number) => `${Math.round(value * 100)} %`;
  return (
    <Section title={text.display} class="xai-display" action={<Modes view={view} />}>
      <Slider label={text.opacity} min={0} max={1} step={0.01} {...slider("opacity")} format={percent} />
      <Slider
        label={text.threshold}
        help={text.thresholdHelp}
        min={0}
        max={1}
        step={0.01}
        {...slider("threshold")}
        format={percent}
      />
      <Slider
        label={text.gamma}
        help={text.gammaHelp}
        min={0.1}
        max={Math.max(WIDEST_GAMMA, view.gamma)}
        step={0.05}
        {...slider("gamma")}
        format={(value) => value.toFixed(2)}
      />
      <label class="xai-control">
        <span class="xai-label">{text.colourMap}</span>
        <select
          class="xai-select"
          aria-label={text.colourMap}
          value={view.colormap}
          onChange={(event) => store.keep({ colormap: event.currentTarget.value })}
        >
          <option value="auto">{text.autoColours(tableName("auto", signed))}</option>
          <Tables label={text.sequential} names={SEQUENTIAL} />
          <Tables label={text.diverging} names={DIVERGING} />
        </select>
      </label>
      <label class="xai-control xai-switch" title={text.trueCellsHelp}>
        <span class="xai-label">{text.trueCells}</span>
        <input
          type="checkbox"
          class="xai-check"
          role="switch"
          aria-checked={view.cells}
          aria-label={text.trueCells}
          checked={view.cells}
          onChange={(event) => store.keep({ cells: event.currentTarget.checked })}
        />
      </label>
    </Section>
  );
}

function Modes({ view }: { view: View }) {
  const store = useStore();
  const text = useText();
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in the line of a title
    <div class="xai-segments" role="group" aria-label={text.mode}>
      {MODES.map((mode) => (
        <button
          key={mode}
          type="button"
          class="xai-segment"
          aria-pressed={view.mode === mode}
          onClick={() => store.keep({ mode })}
        >
          {text.modes[mode]}
        </button>
      ))}
    </div>
  );
}

function Tables({ label, names }: { label: string; names: readonly string[] }) {
  return (
    <optgroup label={label}>
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </optgroup>
  );
}
