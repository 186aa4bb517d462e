interface Props {
  label: string;
  help: string;
  on: boolean;
  onChange(on: boolean): void;
}

/** A labelled switch, in the columns of the sliders. */
export function Switch({ label, help, on, onChange }: Props) {
  return (
    <label class="xai-control" title={help}>
      <span class="xai-label">{label}</span>
      <input
        type="checkbox"
        class="xai-check"
        role="switch"
        aria-checked={on}
        aria-label={label}
        checked={on}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    </label>
  );
}
