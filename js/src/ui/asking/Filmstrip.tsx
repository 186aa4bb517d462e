import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { sharedPrefix, usableLayers } from "../../layers";
import { movedTo } from "../../methods";
import type { Session } from "../../paint/decode";
import type { MethodPayload } from "../../protocol";
import { useText, useView } from "../context";
import { bringIntoStrip } from "../strip";
import { createFilm } from "./filming";
import { SmallMap } from "./SmallMap";

/** More than these are not expected before the maps are there: a strip that long is a selection. */
const MOST = 60;

/** Every layer that the method can read, each with its own small map: what is seen where in the model. */
export function Filmstrip({ session, method }: { session: Session; method: MethodPayload }) {
  const { store, hidden } = useView();
  const text = useText();
  const film = store.feature(createFilm);
  const place = useRef<HTMLDivElement>(null);
  const strip = useRef<HTMLDivElement>(null);
  const view = store.view.value;
  const known = film.current.value;
  useWantedWhileSeen(place, film.want);

  const expected = usableLayers(method, session.layers);
  const names = known?.frames.map(({ layer }) => layer) ?? (expected.length > MOST ? [] : expected);
  const prefix = sharedPrefix(names);
  const layer = store.settings.layer.value;
  const chosen = new Set([layer ?? method.default_layer ?? ""].flat());
  const current = names.findIndex((name) => chosen.has(name));
  useLayoutEffect(() => {
    // Also when the strip becomes narrower, or gets its first frames.
    const observer = new ResizeObserver(() => bringIntoStrip(strip.current, strip.current?.children[current]));
    if (strip.current !== null) {
      observer.observe(strip.current);
    }
    return () => observer.disconnect();
  }, [current]);

  const choose = (index: number) => {
    const name = names[index];
    store.change({ layer: name === method.default_layer ? null : name });
  };
  const press = (event: KeyboardEvent, index: number) => {
    const next = event.altKey || event.ctrlKey || event.metaKey ? null : movedTo(event.key, index, names.length);
    if (next === null) {
      return;
    }
    event.preventDefault();
    if (next !== index) {
      choose(next);
      (strip.current?.children[next] as HTMLElement | undefined)?.focus({ preventScroll: true });
    }
  };
  if (!store.live && known === null) {
    return <div ref={place} />; // a saved page has the maps that somebody has looked at
  }
  return (
    <div ref={place} class="xai-film-frame">
      <div
        ref={strip}
        class="xai-film"
        role="listbox"
        aria-label={text.filmstrip}
        aria-orientation="horizontal"
        aria-multiselectable={chosen.size > 1}
        aria-busy={known === null}
        data-known={known !== null}
      >
        {names.map((name, index) => {
          const usual = name === method.default_layer;
          // While somebody guesses, nothing may tell where the map is.
          const frame = hidden.value ? null : (known?.frames[index] ?? null);
          return (
            <button
              key={name}
              type="button"
              role="option"
              class="xai-film-layer"
              aria-selected={chosen.has(name)}
              aria-label={usual ? `${name} ${text.usual}` : name}
              title={usual ? text.defaultFrame(name) : name}
              data-layer={name}
              tabIndex={index === Math.max(current, 0) ? 0 : -1}
              onClick={() => choose(index)}
              onKeyDown={(event) => press(event, index)}
            >
              <SmallMap frame={frame} view={view} />
              <span class="xai-film-name">
                <bdi>{name.slice(prefix.length)}</bdi>
              </span>
              {usual && <span class="xai-film-usual"> {text.usual}</span>}
            </button>
          );
        })}
      </div>
      {known !== null && known.leftOut > 0 && <p class="xai-help-text">{text.layersLeftOut(known.leftOut)}</p>}
      {film.refusal.value !== "" && <p class="xai-help-text">{film.refusal.value}</p>}
      {film.stopped.value && (
        <button type="button" class="xai-link" onClick={() => film.again()}>
          {text.filmAgain}
        </button>
      )}
    </div>
  );
}

/** Small maps cost a pass of the model: they are asked for when somebody can see them. */
function useWantedWhileSeen(place: { current: HTMLElement | null }, want: () => () => void) {
  useEffect(() => {
    let stop: (() => void) | null = null;
    const release = () => {
      stop?.();
      stop = null;
    };
    const observer = new IntersectionObserver((entries) => {
      if (!entries.at(-1)?.isIntersecting) {
        release();
      } else {
        stop ??= want();
      }
    });
    if (place.current !== null) {
      observer.observe(place.current);
    }
    return () => {
      observer.disconnect();
      release();
    };
  }, [place, want]);
}
