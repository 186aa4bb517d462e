import type { ComponentChildren } from "preact";

interface Props {
  label: string;
  value: string;
  /** How the label and the control stand beside each other. */
  class?: string;
  onChange(value: string): void;
  children: ComponentChildren;
}

/** A drop-down with its label beside it. */
export function Select({ label, value, class: name = "xai-row", onChange, children }: Props) {
  return (
    <label class={name}>
      <span class="xai-label">{label}</span>
      <select
        class="xai-select"
        aria-label={label}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {children}
      </select>
    </label>
  );
}
