import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { methodGroups, movedTo } from "../../methods";
import type { MethodPayload } from "../../protocol";
import { useText } from "../context";
import { Badges } from "./Badges";

interface Props {
  methods: readonly MethodPayload[];
  chosen: string;
  onChoose(id: string): void;
  onClose(): void;
}

/** All methods by what they need of the model, each with what is to be known of it. */
export function MethodCards({ methods, chosen, onChoose, onClose }: Props) {
  const text = useText();
  const query = useSignal("");
  const cards = useRef<HTMLDivElement>(null);
  const filter = useRef<HTMLInputElement>(null);
  useEffect(() => filter.current?.focus(), []);
  const groups = methodGroups(methods, query.value);
  const shown = groups.flatMap((group) => group.methods);
  const reached = shown.some(({ id }) => id === chosen) ? chosen : shown[0]?.id;

  const focusOn = (place: number) => cards.current?.querySelectorAll<HTMLElement>("[role=option]")[place]?.focus();
  const leave = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      onClose();
    }
  };
  const press = (event: KeyboardEvent, method: MethodPayload, place: number) => {
    leave(event);
    const next = movedTo(event.key, place, shown.length);
    if (next !== null) {
      event.preventDefault();
      focusOn(next);
    } else if ((event.key === "Enter" || event.key === " ") && method.refusal === null) {
      event.preventDefault();
      onChoose(method.id);
    }
  };
  return (
    <div class="xai-cards">
      <input
        ref={filter}
        type="search"
        class="xai-input xai-search"
        aria-label={text.filterMethods}
        placeholder={text.filterMethods}
        value={query.value}
        onInput={(event) => {
          query.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          leave(event);
          if (event.key === "ArrowDown") {
            event.preventDefault();
            focusOn(0);
          }
        }}
      />
      {shown.length === 0 && <p class="xai-quiet">{text.noMethodFound(query.value.trim())}</p>}
      <div ref={cards} class="xai-card-list" role="listbox" aria-label={text.allMethods}>
        {groups.map(({ access, methods: members }) => (
          // biome-ignore lint/a11y/useSemanticElements: a fieldset may not stand in a list box
          <div key={access} role="group" aria-label={text.accessGroups[access]} class="xai-card-group">
            <p class="xai-card-access" aria-hidden="true">
              {text.accessGroups[access]}
            </p>
            {members.map((method) => {
              const place = shown.indexOf(method);
              const refused = method.refusal !== null;
              return (
                <div
                  key={method.id}
                  role="option"
                  class="xai-card"
                  aria-selected={method.id === chosen}
                  aria-disabled={refused}
                  data-method={method.id}
                  tabIndex={method.id === reached ? 0 : -1}
                  onClick={() => !refused && onChoose(method.id)}
                  onKeyDown={(event) => press(event, method, place)}
                >
                  <span class="xai-card-name">{method.label}</span>
                  <span class="xai-card-summary">{method.summary}</span>
                  {refused ? (
                    <span class="xai-card-refusal">{text.refused(method.refusal ?? "")}</span>
                  ) : (
                    <Badges method={method} signed={method.signed} />
                  )}
                </div>
              );
            })}
          </div>
        ))}
      </div>
    </div>
  );
}
