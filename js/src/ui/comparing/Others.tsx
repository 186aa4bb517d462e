import { createGallery } from "../../comparing/gallery";
import { createOthers, type Other, sessionsOfPicture } from "../../comparing/others";
import { scalesOf } from "../../comparing/scale";
import { formatShare } from "../../format";
import type { Result, Session } from "../../paint/decode";
import { areProbabilities } from "../../ranking";
import { useStore, useText } from "../context";
import { Section } from "../Section";
import { ScaleSwitch } from "./ScaleSwitch";
import { TileFigure } from "./TileFigure";

/** What every model says to the same question, where there are several models. */
export function Others({ session }: { session: Session }) {
  const store = useStore();
  const text = useText();
  const others = store.feature(createOthers).value;
  const entries = store.feature(createGallery).value;
  const places = sessionsOfPicture(
    entries.map(({ picture }) => picture),
    session,
  );
  if (places.length < 2) {
    return null;
  }
  const { answer } = store.known.value;
  const own = answer?.result.session === session.index ? answer.result : null;
  const results = places.map((place) => (place === session.index ? own : (others.get(place)?.result ?? null)));
  const found = results.filter((result) => result !== null);
  const scales = scalesOf(found, store.view.value);
  const topOf = (result: Result) => scales.tops[found.indexOf(result)];
  return (
    <Section title={text.sameForModels} action={found.length > 1 && <ScaleSwitch scales={scales} />}>
      <ul class="xai-tiles" aria-label={text.sameForModels}>
        {places.map((place, at) => (
          <ModelTile
            key={place}
            session={session}
            place={place}
            result={results[at]}
            other={others.get(place) ?? null}
            top={results[at] === null ? 0 : topOf(results[at])}
            waiting={answer?.result.final !== true}
          />
        ))}
      </ul>
      {found.length > 1 && !scales.shared && (
        <p class="xai-help-text">{scales.mixed ? text.differentUnits : text.ownScales}</p>
      )}
    </Section>
  );
}

interface TileProps {
  session: Session;
  place: number;
  result: Result | null;
  other: Other | null;
  top: number;
  /** Whether the map of the model that is shown is still to come. */
  waiting: boolean;
}

function ModelTile({ session, place, result, other, top, waiting }: TileProps) {
  const store = useStore();
  const text = useText();
  const name = session.names[place];
  const shown = place === session.index;
  const target = typeof result?.target === "number" ? result.target : null;
  const own =
    shown && target !== null && areProbabilities(session.probabilities) ? session.probabilities[target] : null;
  const chance = shown ? own : (other?.probability ?? null);
  const picture = shown ? session : (other?.picture ?? session);
  return (
    <li class="xai-tile" data-model={place} data-shown={shown}>
      {result !== null && <TileFigure picture={picture} result={result} top={top} label={name} />}
      {result === null && other?.error && (
        <p class="xai-tile-empty xai-warning" style={{ aspectRatio: `${picture.width} / ${picture.height}` }}>
          {other.error.title}
        </p>
      )}
      {result === null && !other?.error && (
        <p class="xai-tile-empty xai-quiet" style={{ aspectRatio: `${picture.width} / ${picture.height}` }}>
          {waiting ? text.modelWaiting : text.modelComputing}
        </p>
      )}
      <div class="xai-tile-text">
        <strong title={name}>{name}</strong>
        {result !== null && chance !== null && (
          <span class="xai-quiet">{text.modelChance(result.target_label, formatShare(chance))}</span>
        )}
        {result?.layer && <span class="xai-quiet">{[result.layer].flat().join(" + ")}</span>}
      </div>
      <button
        type="button"
        class="xai-button"
        aria-label={text.showModel(name)}
        aria-pressed={shown}
        disabled={shown}
        onClick={() => store.change({ active: place })}
      >
        {shown ? text.shownModel : text.showModel(name)}
      </button>
    </li>
  );
}
