import { Check } from "../Check";

interface Option<T> {
  readonly value: T;
  readonly label: string;
  readonly help: string;
}

interface Props<T> {
  title: string;
  options: readonly Option<T>[];
  chosen: readonly T[];
  onChange(chosen: T[]): void;
}

/** Some of a few, by check boxes; the choice keeps the order of the options. */
export function Choices<T extends string | number>({ title, options, chosen, onChange }: Props<T>) {
  const toggled = (value: T, on: boolean) =>
    options.map((option) => option.value).filter((each) => (each === value ? on : chosen.includes(each)));
  return (
    <fieldset class="xai-choices">
      <legend>{title}</legend>
      <div class="xai-choices-list">
        {options.map(({ value, label, help }) => (
          <Check
            key={value}
            label={label}
            help={help || undefined}
            on={chosen.includes(value)}
            onChange={(on) => onChange(toggled(value, on))}
          />
        ))}
      </div>
    </fieldset>
  );
}
