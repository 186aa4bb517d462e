interface Props {
  label: string;
  help?: string;
  on: boolean;
  off?: boolean;
  onChange(on: boolean): void;
}

/** A labelled check box; `off`: it cannot be changed now. */
export function Check({ label, help, on, off, onChange }: Props) {
  return (
    <label class="xai-choice" title={help}>
      <input
        type="checkbox"
        class="xai-check"
        checked={on}
        disabled={off}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}
