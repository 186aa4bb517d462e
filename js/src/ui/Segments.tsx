import type { ComponentChildren } from "preact";

interface Props<T extends string | number> {
  label: string;
  names: readonly T[];
  word(name: T): string;
  chosen: T;
  /** What choosing this one means, for those who point at it. */
  help?(name: T): string;
  /** What is seen in place of the word. */
  face?(name: T): ComponentChildren;
  onChoose(name: T): void;
}

/** A few buttons of which one is on. */
export function Segments<T extends string | number>({ label, names, word, chosen, help, face, onChoose }: Props<T>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a line with other controls
    <div class="xai-segments" role="group" aria-label={label}>
      {names.map((name) => (
        <button
          key={name}
          type="button"
          class="xai-segment"
          aria-label={face && word(name)}
          title={help?.(name)}
          aria-pressed={name === chosen}
          onClick={() => onChoose(name)}
        >
          {face ? face(name) : word(name)}
        </button>
      ))}
    </div>
  );
}
