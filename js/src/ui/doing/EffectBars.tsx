import { useRef } from "preact/hooks";
import type { Cover } from "../../doing/cover";
import { type Change, type Effect, points, wholeShare } from "../../doing/effect";
import { formatValue } from "../../format";
import type { Session } from "../../paint/decode";
import { barLength } from "../../ranking";
import type { Strings } from "../../strings";
import { useText } from "../context";
import { PaperHint } from "./PaperHint";

/** The classes before and after covering. */
export function EffectBars({ session, cover }: { session: Session; cover: Cover }) {
  const text = useText();
  const spoken = useRef("");
  const effect = cover.effect.value;
  const done = cover.settled.value && !cover.paper.busy.value;
  // Every step of a stroke would be too much to listen to.
  if (effect === null) {
    spoken.current = "";
  } else if (done) {
    const [first] = effect.changes;
    const { before, after, difference } = wordsOf(first, effect, text);
    spoken.current = text.changed(session.labels[first.index], before, after, difference);
  }
  return (
    <>
      {effect !== null && (
        <ul class="xai-effect" aria-label={text.effect} aria-busy={!done}>
          {effect.changes.map((change) => (
            <Row key={change.index} change={change} effect={effect} session={session} />
          ))}
        </ul>
      )}
      {effect === null && <Waiting cover={cover} />}
      <output class="xai-unseen" aria-live="polite">
        {spoken.current}
      </output>
    </>
  );
}

/** Why there are no numbers. */
function Waiting({ cover }: { cover: Cover }) {
  const text = useText();
  if (cover.refusal.value !== "") {
    return <p class="xai-warning">{cover.refusal.value}</p>;
  }
  return cover.paper.empty.value ? <PaperHint text={text.coverHint} /> : <p class="xai-help-text">{text.measuring}</p>;
}

interface RowProps {
  change: Change;
  effect: Effect;
  session: Session;
}

/** One class: the bar is what is left, the line what there was. */
function Row({ change, effect, session }: RowProps) {
  const text = useText();
  const { index, before, after } = change;
  const words = wordsOf(change, effect, text);
  const long = (value: number) => `${barLength(value, session.probabilities, effect.shares) * 100}%`;
  return (
    <li class="xai-effect-row" data-class={index}>
      <span class="xai-effect-fill" style={{ width: long(after) }} aria-hidden="true" />
      <span class="xai-effect-mark" style={{ left: long(before) }} aria-hidden="true" />
      <span class="xai-effect-label" title={session.labels[index]}>
        {session.labels[index]}
      </span>
      <span class="xai-number xai-quiet">{text.shareChange(words.before, words.after)}</span>
      <strong class="xai-number xai-effect-points">{words.difference}</strong>
    </li>
  );
}

function wordsOf({ before, after }: Change, { shares }: Effect, text: Strings) {
  return shares
    ? { before: wholeShare(before), after: wholeShare(after), difference: text.points(points(before, after)) }
    : { before: formatValue(before), after: formatValue(after), difference: formatValue(after - before) };
}
