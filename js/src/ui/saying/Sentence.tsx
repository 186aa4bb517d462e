import { useEffect } from "preact/hooks";
import { createRegions } from "../../doing/regions";
import type { Session } from "../../paint/decode";
import { sentence } from "../../taking/sentence";
import { useStore, useText } from "../context";

/** What the model says, and what its most important places do to that. */
export function Sentence({ session }: { session: Session }) {
  const store = useStore();
  const text = useText();
  const regions = store.feature(createRegions);
  const solid = Boolean(session.volume);
  useEffect(() => (solid ? undefined : regions.want()), [regions, solid]);
  const { answer } = store.known.value;
  // What hiding regions does is measured on pictures alone.
  const result = answer?.result.session === session.index && !solid ? answer.result : null;
  const refusal = result?.final && regions.current.value === null ? regions.refusal.value : "";
  const sentences = sentence(session, refusal ? null : result, regions.current.value, text);
  return (
    <div class="xai-sentence" role="status" aria-live="polite" aria-label={text.theSentence}>
      {sentences.map((words) => (
        <p key={words}>{words}</p>
      ))}
      {refusal && <p class="xai-quiet">{text.notMeasured(refusal)}</p>}
    </div>
  );
}
