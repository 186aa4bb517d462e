import type { Session } from "../../paint/decode";
import { colourTable } from "../../paint/tables";
import { type Asked, sameQuestion, suggestedFoil } from "../../questions";
import { useStore, useText } from "../context";

interface Props {
  session: Session;
  asked: Asked;
  /** Classes, the likeliest first. */
  order: readonly number[];
}

/** What the class is held against: offered where there is nothing yet, and said where there is. */
export function Foil({ session, asked, order }: Props) {
  const store = useStore();
  const text = useText();
  const { target, foil } = asked;
  const label = (index: number) => session.labels[index] ?? String(index);
  if (target === null) {
    return null;
  }
  if (foil === null) {
    const runnerUp = suggestedFoil(order, asked);
    return (
      runnerUp !== null && (
        <button
          type="button"
          class="xai-button xai-chip xai-suggestion"
          title={text.rather(label(target), label(runnerUp))}
          onClick={() => store.change({ target: { target, foil: runnerUp } })}
        >
          {text.ratherThanThis(label(runnerUp))}
        </button>
      )
    );
  }
  return (
    <div class="xai-contrast">
      <p class="xai-contrast-line">{text.rather(label(target), label(foil))}</p>
      <button
        type="button"
        class="xai-button"
        onClick={() => store.change({ target: { target: foil, foil: target } })}
        title={text.rather(label(foil), label(target))}
      >
        {text.swap}
      </button>
      <button type="button" class="xai-button" title={text.clearFoilHelp} onClick={() => store.change({ target })}>
        {text.clearFoil}
      </button>
      <Evidence target={label(target)} foil={label(foil)} />
    </div>
  );
}

/** What the two ends of the signed map mean, in words beside their colours. */
function Evidence({ target, foil }: { target: string; foil: string }) {
  const store = useStore();
  const text = useText();
  const { answer } = store.known.value;
  const { result } = answer ?? {};
  if (result === undefined || !sameQuestion(result.target, store.settings.target.value)) {
    return null;
  }
  if (!result.signed) {
    return <p class="xai-help-text">{text.unsignedContrast}</p>;
  }
  const table = colourTable(store.view.value.colormap, true);
  const colour = (index: number) => `rgb(${table.subarray(3 * index, 3 * index + 3).join(" ")})`;
  const ends = [
    { name: "for", index: 224, words: text.evidenceFor(target) },
    { name: "against", index: 31, words: text.evidenceAgainst(foil) },
  ];
  return (
    <ul class="xai-evidence">
      {ends.map(({ name, index, words }) => (
        <li key={name}>
          <span class="xai-swatch" style={{ background: colour(index) }} aria-hidden="true" />
          {words}
        </li>
      ))}
    </ul>
  );
}
