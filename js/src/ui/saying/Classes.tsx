import { useMemo } from "preact/hooks";
import type { Session } from "../../paint/decode";
import { ranking } from "../../ranking";
import { ClassRow } from "../asking/ClassRow";
import { useStore, useText } from "../context";
import { Section } from "../Section";

const FEW = 5;

/** The likeliest classes: press one to see what speaks for it. */
export function Classes({ session }: { session: Session }) {
  const store = useStore();
  const text = useText();
  const order = useMemo(() => ranking(session.probabilities), [session]);
  const target = store.settings.target.value;
  const pair = typeof target === "object" && target !== null && "foil" in target ? target : null;
  const chosen = typeof target === "number" ? target : target === null ? order[0] : pair?.target;
  const top = order.slice(0, FEW);
  const rows = chosen === undefined || top.includes(chosen) ? top : [...top, chosen];
  return (
    <Section title={text.predictions}>
      <ul class="xai-classes" data-apart={rows.length > top.length}>
        {rows.map((index) => (
          <ClassRow
            key={index}
            session={session}
            index={index}
            chosen={index === chosen}
            foil={index === pair?.foil}
            onChoose={() => store.change({ target: index })}
          />
        ))}
      </ul>
    </Section>
  );
}
