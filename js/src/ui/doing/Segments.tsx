interface Props<T extends string> {
  label: string;
  names: readonly T[];
  words: Readonly<Record<T, string>>;
  chosen: T;
  onChoose(name: T): void;
}

/** A few buttons of which one is on. */
export function Segments<T extends string>({ label, names, words, chosen, onChoose }: Props<T>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a line with other controls
    <div class="xai-segments" role="group" aria-label={label}>
      {names.map((name) => (
        <button
          key={name}
          type="button"
          class="xai-segment"
          aria-pressed={name === chosen}
          onClick={() => onChoose(name)}
        >
          {words[name]}
        </button>
      ))}
    </div>
  );
}
