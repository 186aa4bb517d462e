interface Props {
  label: string;
  help?: string;
  min: number;
  max: number;
  step: number;
  value: number;
  format(value: number): string;
  /** While the control is dragged. */
  onPreview(value: number): void;
  /** When it is let go. */
  onKeep(value: number): void;
}

/** A labelled slider with its value. */
export function Slider({ label, help, min, max, step, value, format, onPreview, onKeep }: Props) {
  return (
    <label class="xai-control" title={help}>
      <span class="xai-label">{label}</span>
      <input
        type="range"
        class="xai-range"
        aria-label={label}
        aria-valuetext={format(value)}
        min={min}
        max={max}
        step={step}
        value={value}
        onInput={(event) => onPreview(event.currentTarget.valueAsNumber)}
        onChange={(event) => onKeep(event.currentTarget.valueAsNumber)}
      />
      <span class="xai-number xai-value">{format(value)}</span>
    </label>
  );
}
