import { asWords } from "../../parameters";
import type { ParamPayload, Value } from "../../protocol";
import type { Strings } from "../../strings";
import type { Say } from "../../words";
import { useText, useWords } from "../context";
import { NumberControl } from "./NumberControl";
import { ParameterLabel, type ParameterProps } from "./ParameterLabel";

/** One parameter, by its kind. */
export function ParameterControl(props: ParameterProps) {
  const { param } = props;
  switch (param.kind) {
    case "bool":
      return <Checkbox {...props} />;
    case "choice":
      return <Choice {...props} />;
    default:
      return <NumberControl {...props} />;
  }
}

/** null as the default leaves the choice to the method; elsewhere it is a choice like the others. */
function choiceName(choice: Value, param: ParamPayload, text: Strings, say: Say): string {
  if (choice === null) {
    return param.default !== null
      ? text.none
      : text.autoValue(param.auto === null ? null : plain(param.auto, text, say));
  }
  return plain(choice, text, say);
}

function plain(choice: Value, text: Strings, say: Say): string {
  if (choice !== null && typeof choice === "object") {
    return choice.array;
  }
  return typeof choice === "boolean" ? (choice ? text.on : text.off) : asWords(say(String(choice)));
}

function Checkbox({ param, value, onCommit }: ParameterProps) {
  return (
    <div class="xai-parameter">
      <ParameterLabel param={param} />
      <input
        type="checkbox"
        class="xai-check"
        aria-label={param.label}
        data-param={param.name}
        checked={Boolean(value ?? param.default)}
        onChange={(event) => onCommit(event.currentTarget.checked)}
      />
    </div>
  );
}

function Choice({ param, value, onCommit }: ParameterProps) {
  const text = useText();
  const say = useWords();
  const chosen = value === undefined ? param.default : value;
  const named = param.choices ?? [];
  // What was set in Python need not be among the words: a number, or an array.
  const choices = named.includes(chosen) ? named : [...named, chosen];
  const name = (choice: Value) => choiceName(choice, param, text, say);
  const wire = (choice: Value) => (typeof choice === "string" ? choice : name(choice));
  return (
    <div class="xai-parameter">
      <ParameterLabel param={param} />
      <select
        class="xai-select"
        aria-label={param.label}
        data-param={param.name}
        value={wire(chosen)}
        onChange={(event) => onCommit(choices[event.currentTarget.selectedIndex])}
      >
        {choices.map((choice) => (
          <option key={wire(choice)} value={wire(choice)}>
            {name(choice)}
          </option>
        ))}
      </select>
    </div>
  );
}
