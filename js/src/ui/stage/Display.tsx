import { DIVERGING, SEQUENTIAL, tableName } from "../../paint/tables";
import { DEFAULT_VIEW, type View } from "../../protocol";
import { useStore, useText } from "../context";
import { Section } from "../Section";
import { Select } from "../Select";
import { Slider } from "../Slider";
import { Switch } from "./Switch";
import { matters, RESETTABLE } from "./settings";

const WIDEST_GAMMA = 3;

/** How the map is shown. Nothing here computes anything, and nothing is sent before a control is let go. */
export function Display() {
  const store = useStore();
  const text = useText();
  const view = store.view.value;
  const has = matters(view);
  const slider = (key: "opacity" | "threshold" | "gamma" | "clip" | "box_threshold") => ({
    value: view[key],
    onPreview: (value: number) => store.preview({ [key]: value }),
    onKeep: (value: number) => store.keep({ [key]: value }),
  });
  const share = { min: 0, max: 1, step: 0.01, format: (value: number) => text.percent(Math.round(value * 100)) };
  return (
    <Section title={text.display} class="xai-display" action={<Reset view={view} />}>
      {has("opacity") && <Slider label={text.opacity} {...share} {...slider("opacity")} />}
      {has("threshold") && (
        <Slider label={text.threshold} help={text.thresholdHelp} {...share} {...slider("threshold")} />
      )}
      {has("gamma") && (
        <Slider
          label={text.gamma}
          help={text.gammaHelp}
          min={0.1}
          max={Math.max(WIDEST_GAMMA, view.gamma)}
          step={0.05}
          {...slider("gamma")}
          format={(value) => value.toFixed(2)}
        />
      )}
      {has("clip") && (
        <Slider
          label={text.clip}
          help={text.clipHelp}
          min={50}
          max={100}
          step={0.5}
          {...slider("clip")}
          format={text.percent}
        />
      )}
      {has("colormap") && <Colours view={view} />}
      {has("cells") && (
        <Switch
          label={text.trueCells}
          help={text.trueCellsHelp}
          on={view.cells}
          onChange={(cells) => store.keep({ cells })}
        />
      )}
      {has("box") && (
        <Switch label={text.box} help={text.boxHelp} on={view.box} onChange={(box) => store.keep({ box })} />
      )}
      {has("box_threshold") && (
        <Slider label={text.boxThreshold} help={text.boxThresholdHelp} {...share} {...slider("box_threshold")} />
      )}
    </Section>
  );
}

function Colours({ view }: { view: View }) {
  const store = useStore();
  const text = useText();
  const signed = store.known.value.answer?.result.signed ?? false;
  return (
    <Select
      label={text.colourMap}
      class="xai-control"
      value={view.colormap}
      onChange={(colormap) => store.keep({ colormap })}
    >
      <option value="auto">{text.autoColours(tableName("auto", signed))}</option>
      <Tables label={text.sequential} names={SEQUENTIAL} />
      <Tables label={text.diverging} names={DIVERGING} />
    </Select>
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

/** Back to how a new widget looks; which view is shown stays. */
function Reset({ view }: { view: View }) {
  const store = useStore();
  const text = useText();
  if (RESETTABLE.every((key) => view[key] === DEFAULT_VIEW[key])) {
    return null;
  }
  const defaults = Object.fromEntries(RESETTABLE.map((key) => [key, DEFAULT_VIEW[key]])) as Partial<View>;
  return (
    <button
      type="button"
      class="xai-link"
      aria-label={text.resetDisplay}
      title={text.resetDisplay}
      onClick={() => store.keep(defaults)}
    >
      {text.resetShort}
    </button>
  );
}
