import { isDescribed, withParameter } from "../../parameters";
import type { MethodPayload } from "../../protocol";
import { useStore, useText } from "../context";
import { Section } from "../Section";
import { ParameterControl } from "./ParameterControl";

/** The method's own controls, made from its description. */
export function Parameters({ method }: { method: MethodPayload }) {
  const store = useStore();
  const text = useText();
  const overrides = store.settings.params.value;
  const changed = Object.keys(overrides).length > 0;
  return (
    <Section
      title={text.parameters}
      action={
        changed && (
          <button type="button" class="xai-link" title={text.resetHelp} onClick={() => store.change({ params: {} })}>
            {text.reset}
          </button>
        )
      }
    >
      {method.params.length === 0 && <p class="xai-quiet">{text.noParameters}</p>}
      {method.params.map((param) => (
        <ParameterControl
          key={`${method.id}.${param.name}`}
          param={param}
          value={overrides[param.name]}
          onCommit={(value) => store.change({ params: withParameter(overrides, param, value) })}
        />
      ))}
      <p class="xai-cost">{isDescribed(method, overrides) ? text.cost(method.cost) : text.costUnknown}</p>
    </Section>
  );
}
