import { useEffect } from "preact/hooks";
import type { Session } from "../../paint/decode";
import { strongest } from "../../paint/finding";
import type { Answer } from "../../reducer";
import type { Strings } from "../../strings";
import { useText, useView } from "../context";
import { Marks } from "../doing/Marks";
import { Caption } from "./Caption";
import { ColourBar } from "./ColourBar";
import { PictureCanvas } from "./PictureCanvas";
import { Crosshair, Readout } from "./Probe";

/** The picture, its heat map, and the numbers to both. */
export function Stage({ dimmed }: { dimmed: boolean }) {
  const { store, probe, hidden } = useView();
  const text = useText();
  const { session, answer } = store.known.value;
  useEffect(() => {
    probe.value = null;
  }, [session?.index, probe]);
  if (session === null) {
    return <div class="xai-frame xai-frame-empty">{text.noPicture}</div>;
  }
  // While somebody guesses, nothing may tell where the map is.
  const told = hidden.value ? null : answer;
  return (
    <figure class="xai-stage">
      <div
        class="xai-frame"
        data-dimmed={dimmed && answer !== null}
        style={{ aspectRatio: `${session.width} / ${session.height}`, "--xai-aspect": session.width / session.height }}
      >
        <PictureCanvas
          session={session}
          answer={answer}
          probe={probe}
          label={hidden.value ? text.hiddenMap : describe(session, answer, text)}
        />
        <svg class="xai-sheet" role="presentation" viewBox={`0 0 ${session.width} ${session.height}`}>
          <Marks session={session} />
        </svg>
        <Crosshair session={session} probe={probe} />
      </div>
      <ColourBar result={told?.result ?? null} session={session} probe={probe} />
      {hidden.value ? (
        <figcaption class="xai-caption xai-quiet">{text.hiddenMap}</figcaption>
      ) : (
        <Caption answer={answer} />
      )}
      <Readout session={session} result={told?.result ?? null} probe={probe} />
    </figure>
  );
}

/** The picture in words: what was asked, and where the answer lies. */
function describe(session: Session, answer: Answer | null, text: Strings): string {
  if (answer === null || answer.result.session !== session.index) {
    return text.plainPicture;
  }
  const { result } = answer;
  const found = strongest(result);
  const sign = found === null || !result.signed ? "" : found.value > 0 ? "positive" : "negative";
  const where = found === null ? text.nothingSeen : text.strongestAt(found.place, sign);
  return text.finding(result.method_label, result.target_label, where);
}
