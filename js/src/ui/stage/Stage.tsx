import { useEffect, useRef } from "preact/hooks";
import { createRegions } from "../../doing/regions";
import { type Session, samePicture } from "../../paint/decode";
import { strongest } from "../../paint/finding";
import { MODES } from "../../protocol";
import type { Answer } from "../../reducer";
import type { Strings } from "../../strings";
import { useShownView, useStore, useText, useView } from "../context";
import { Marks } from "../doing/Marks";
import { Places } from "../saying/Places";
import { WHOLE } from "../view";
import { VolumeStage } from "../volume/VolumeStage";
import { Caption } from "./Caption";
import { ColourBar } from "./ColourBar";
import { Crosshair } from "./Crosshair";
import { Curtain } from "./Curtain";
import { PictureCanvas } from "./PictureCanvas";
import { aspectOf, panels } from "./panels";
import { Readout } from "./Readout";
import { RegionsNote } from "./RegionsNote";
import { readingAt } from "./reading";
import { Toolbar } from "./Toolbar";
import { visible } from "./viewport";

/** What is looked at, its heat map, and the numbers to both. */
export function Stage({ dimmed }: { dimmed: boolean }) {
  const volume = useStore().known.value.session?.volume;
  return volume ? <VolumeStage volume={volume} dimmed={dimmed} /> : <PictureStage dimmed={dimmed} />;
}

function PictureStage({ dimmed }: { dimmed: boolean }) {
  const { store, probe, tool, viewport, hidden } = useView();
  const text = useText();
  const { session, answer } = store.known.value;
  const view = useShownView();
  const regions = store.feature(createRegions);
  const last = useRef<Session | null>(null);
  // News about methods come as a new session of the same picture.
  useEffect(() => {
    probe.value = null;
    // Two models that look at one picture are compared in place; another picture is first seen as a whole.
    if (last.current !== null && session !== null && !samePicture(last.current, session)) {
      viewport.value = WHOLE;
    }
    last.current = session;
  }, [session?.index, session?.pixels, probe, viewport]);
  useEffect(() => (view.mode === "regions" ? regions.want() : undefined), [view.mode, regions]);
  if (session === null) {
    return <div class="xai-frame xai-frame-empty">{text.noPicture}</div>;
  }
  const { controls, expert } = store.settings;
  const offersViews = expert.value && (controls.value === null || controls.value.includes("display"));
  // While somebody guesses, nothing may tell where the map is.
  const told = hidden.value ? null : answer;
  const result = told?.result ?? null;
  const aspect = aspectOf(session, result, view);
  const seen = visible(viewport.value, session);
  return (
    <figure class="xai-stage">
      <Toolbar modes={offersViews ? MODES : []} zooms />
      <div
        class="xai-frame"
        data-dimmed={dimmed && answer !== null}
        data-tool={tool.value}
        data-zoomed={viewport.value.zoom > WHOLE.zoom}
        style={{ aspectRatio: `${aspect}`, "--xai-aspect": aspect }}
      >
        <PictureCanvas
          session={session}
          answer={answer}
          regions={regions.current.value}
          label={hidden.value ? text.hiddenMap : describe(session, answer, text)}
        />
        {panels(session, result, view).map(({ left, width }, place) => (
          <div key={left} class="xai-panel" style={{ left: `${left * 100}%`, width: `${width * 100}%` }}>
            {place === 0 && (
              <svg
                class="xai-sheet"
                viewBox={`${seen.x} ${seen.y} ${seen.width} ${seen.height}`}
                preserveAspectRatio="none"
                role="presentation"
              >
                <Marks session={session} />
                {!store.settings.expert.value && <Places session={session} />}
              </svg>
            )}
            <Crosshair session={session} />
          </div>
        ))}
        {view.mode === "curtain" && <Curtain />}
      </div>
      {view.mode === "regions" && <RegionsNote />}
      <ColourBar result={result} read={() => readingAt(session, result, probe.value, store.view.value.cells)} />
      {hidden.value ? (
        <figcaption class="xai-caption xai-quiet">{text.hiddenMap}</figcaption>
      ) : (
        <Caption answer={answer} />
      )}
      <Readout session={session} result={result} />
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
