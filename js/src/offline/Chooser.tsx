import type { ReadonlySignal } from "@preact/signals";

interface Props {
  label: string;
  /** Every map in words. */
  names: readonly string[];
  shown: ReadonlySignal<number | null>;
  onChoose(place: number): void;
}

/** All maps of the page: the widget's own controls do not reach those of a contrast or of code. */
export function Chooser({ label, names, shown, onChoose }: Props) {
  return (
    <label class="xai-saved">
      <span>{label}</span>
      <select value={String(shown.value ?? "")} onChange={(event) => onChoose(Number(event.currentTarget.value))}>
        {shown.value === null && (
          <option value="" disabled>
            –
          </option>
        )}
        {names.map((name, place) => (
          <option key={place} value={String(place)}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
