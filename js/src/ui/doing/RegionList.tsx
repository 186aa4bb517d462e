import { useEffect } from "preact/hooks";
import { createCover } from "../../doing/cover";
import { points, wholeShare } from "../../doing/effect";
import { createRegions, regionMask } from "../../doing/regions";
import { formatValue } from "../../format";
import type { Regions } from "../../paint/decode";
import { useStore, useText, useView } from "../context";

/** The places that matter most, once somebody wants to know: measuring them costs model evaluations. */
export function RegionList() {
  const store = useStore();
  const text = useText();
  const regions = store.feature(createRegions);
  const painted = store.view.value.mode === "regions";
  const open = regions.listed.value || painted;
  useEffect(() => (open ? regions.want() : undefined), [open, regions]);
  return (
    <details
      class="xai-details xai-regions"
      open={open}
      onToggle={(event) => {
        if (!painted) {
          regions.listed.value = event.currentTarget.open;
        }
      }}
    >
      <summary title={text.regionsHelp}>{text.regions}</summary>
      {open && <Found />}
    </details>
  );
}

function Found() {
  const store = useStore();
  const text = useText();
  const { current, refusal, again } = store.feature(createRegions);
  const regions = current.value;
  if (regions !== null) {
    return regions.regions.length === 0 ? (
      <p class="xai-help-text">{text.noRegions}</p>
    ) : (
      <ol class="xai-region-list">
        {regions.regions.map((_, place) => (
          <Row key={place} regions={regions} place={place} />
        ))}
      </ol>
    );
  }
  if (refusal.value !== "") {
    return (
      <>
        <p class="xai-help-text">{refusal.value}</p>
        {store.live && (
          <button type="button" class="xai-button xai-act" onClick={again}>
            {text.tryAgain}
          </button>
        )}
      </>
    );
  }
  const waits = store.known.value.answer?.result.final;
  return <p class="xai-help-text">{waits ? text.regionsWaiting : text.regionsNoMap}</p>;
}

function Row({ regions, place }: { regions: Regions; place: number }) {
  const { store, tool } = useView();
  const text = useText();
  const { pointed } = store.feature(createRegions);
  const cover = store.feature(createCover);
  const number = place + 1;
  const { before, after } = regions.regions[place];
  const shares = regions.quantity === "probability";
  const words = (value: number) => (shares ? wholeShare(value) : formatValue(value));
  const difference = shares ? text.points(points(before, after)) : formatValue(after - before);
  const effect = text.hideRegion(words(before), words(after));
  const { controls } = store.settings;
  const covers = store.live && (controls.value === null || controls.value.includes("cover"));
  const point = (on: boolean) => () => {
    pointed.value = on ? number : null;
  };
  return (
    <li
      class="xai-region-row"
      data-pointed={pointed.value === number}
      onPointerEnter={point(true)}
      onPointerLeave={point(false)}
      onFocusCapture={point(true)}
      onBlurCapture={point(false)}
    >
      <span class="xai-region-number" aria-hidden="true">
        {number}
      </span>
      <span class="xai-number">
        {effect} <strong>{text.difference(difference)}</strong>
      </span>
      {covers && (
        <button
          type="button"
          class="xai-button xai-act"
          aria-label={`${text.coverRegion}: ${text.region(number, effect)}`}
          onClick={() => {
            cover.keep.value = false;
            cover.fill.value = regions.fill;
            cover.paper.load(regionMask(regions, number));
            pointed.value = null;
            tool.value = "cover";
          }}
        >
          {text.coverRegion}
        </button>
      )}
    </li>
  );
}
