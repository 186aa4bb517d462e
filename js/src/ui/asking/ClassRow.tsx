import { formatShare, formatValue } from "../../format";
import type { Session } from "../../paint/decode";
import { areProbabilities, barLength } from "../../ranking";
import { useText } from "../context";

interface Props {
  session: Session;
  index: number;
  chosen: boolean;
  foil: boolean;
  onChoose(): void;
  /** Hold the question against this class, or no longer; null where no class is asked about. Without it, nobody can. */
  onHold?: (() => void) | null;
}

/** One class: its label, how likely it is, and the ways to ask about it. */
export function ClassRow({ session, index, chosen, foil, onChoose, onHold }: Props) {
  const text = useText();
  const label = session.labels[index] ?? String(index);
  const value = session.probabilities[index];
  const shares = areProbabilities(session.probabilities);
  const number = shares ? formatShare(value) : formatValue(value);
  const length = barLength(value, session.probabilities, shares);
  return (
    <li class="xai-class-row">
      <button
        type="button"
        class="xai-class"
        aria-pressed={chosen}
        aria-label={text.classShare(foil ? `${text.foilTag} ${label}` : label, number)}
        data-class-index={index}
        data-foil={foil}
        title={`${label} (${index})`}
        onClick={onChoose}
      >
        <span class="xai-class-fill" style={{ width: `${length * 100}%` }} />
        <span class="xai-class-label">
          {foil && <span class="xai-class-tag">{text.foilTag} </span>}
          {label}
        </span>
        <span class="xai-class-share xai-number"> {number}</span>
      </button>
      {onHold !== undefined && (
        <button
          type="button"
          class="xai-class-hold"
          // What is seen is part of the name, for those who say aloud what they press.
          aria-label={`${text.versus} ${label}`}
          aria-pressed={foil}
          title={text.ratherThan(label)}
          data-foil-index={index}
          disabled={onHold === null || chosen}
          onClick={() => onHold?.()}
        >
          {text.versus}
        </button>
      )}
    </li>
  );
}
