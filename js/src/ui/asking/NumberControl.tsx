import { useSignal } from "@preact/signals";
import { effectiveNumber, isAuto, parseNumber, stepOf } from "../../parameters";
import { useText } from "../context";
import { ParameterLabel, type ParameterProps } from "./ParameterLabel";

/** A slider and a box for one number. It is committed on release: every commit is a computation. */
export function NumberControl({ param, value, onCommit }: ParameterProps) {
  const text = useText();
  const dragged = useSignal<number | null>(null);
  // Held here, because progress redraws the controls while somebody is typing.
  const typed = useSignal<string | null>(null);
  const auto = isAuto(param, value) && dragged.value === null;
  const number = dragged.value ?? effectiveNumber(param, value);
  const autoText = text.autoValue(typeof param.auto === "number" ? short(param.auto) : null);
  const commit = (box: HTMLInputElement) => {
    const given = parseNumber(param, box.value);
    dragged.value = null;
    typed.value = null;
    onCommit(given ?? undefined);
    // What was typed may have been corrected to what stood there before.
    box.value = given === null ? (box.type === "range" ? box.value : "") : short(given);
  };
  const sliding = param.min !== null && param.max !== null;
  return (
    <div class="xai-parameter">
      <ParameterLabel param={param} />
      <div class="xai-row">
        {sliding && (
          <input
            type="range"
            class="xai-range"
            aria-label={param.label}
            aria-valuetext={auto ? autoText : undefined}
            data-param={param.name}
            min={param.min ?? undefined}
            max={param.max ?? undefined}
            step={stepOf(param)}
            value={number ?? param.min ?? 0}
            onInput={(event) => {
              dragged.value = parseNumber(param, event.currentTarget.value);
            }}
            onChange={(event) => commit(event.currentTarget)}
          />
        )}
        <input
          type="number"
          class="xai-input xai-box xai-number"
          aria-label={sliding ? text.valueOf(param.label) : param.label}
          data-param={sliding ? undefined : param.name}
          min={param.min ?? undefined}
          max={param.max ?? undefined}
          step={param.kind === "int" ? stepOf(param) : "any"}
          placeholder={autoText}
          value={typed.value ?? (auto || number === null ? "" : short(number))}
          onInput={(event) => {
            typed.value = event.currentTarget.value;
          }}
          // Enter need not arrive as a change: a host may keep the browser from acting on it.
          onKeyDown={(event) => event.key === "Enter" && typed.value !== null && commit(event.currentTarget)}
          onChange={(event) => typed.value !== null && commit(event.currentTarget)}
        />
        {param.default === null && (
          <button
            type="button"
            class="xai-button xai-step"
            aria-label={text.backToAuto(param.label)}
            title={text.backToAuto(param.label)}
            disabled={auto}
            onClick={() => onCommit(undefined)}
          >
            ↺
          </button>
        )}
      </div>
    </div>
  );
}

/** Without the noise of binary fractions. */
function short(number: number): string {
  return String(Number(number.toPrecision(6)));
}
