import { type Pin, type PinsFeature, questionOf } from "../../comparing/pins";
import type { Session } from "../../paint/decode";
import { useStore, useText } from "../context";
import { TileFigure } from "./TileFigure";

interface Props {
  pin: Pin;
  top: number;
  session: Session;
  first: boolean;
  last: boolean;
  feature: PinsFeature;
}

/** A pinned map: what it shows, and what can be done with it. */
export function PinTile({ pin, top, session, first, last, feature }: Props) {
  const store = useStore();
  const text = useText();
  const { result, number } = pin;
  const layer = Array.isArray(result.layer) ? result.layer.join(" + ") : result.layer;
  const name = text.pinName(result.method_label, result.target_label, layer);
  const question = questionOf(result, session);
  const about = [result.target_label, layer].filter(Boolean).join(" · ");
  const where = session.names.length > 1 ? [pin.name, pin.model].filter(Boolean).join(" · ") : "";
  return (
    <li class="xai-tile" data-pin={number} data-earlier={pin.earlier}>
      <TileFigure picture={pin.picture} result={result} top={top} label={name} />
      <div class="xai-tile-text">
        <strong title={result.method_label}>{result.method_label}</strong>
        <span class="xai-quiet" title={about}>
          {about}
        </span>
        {where && (
          <span class="xai-quiet" title={where}>
            {where}
          </span>
        )}
        {pin.earlier && <span class="xai-warning">{text.earlierModel}</span>}
      </div>
      {store.live && (
        <div class="xai-tile-tools">
          <Tool label={text.moveLeft(name)} sign="‹" off={first} onPress={() => feature.move(number, -1)} />
          <Tool label={text.moveRight(name)} sign="›" off={last} onPress={() => feature.move(number, 1)} />
          <Tool
            label={question === null ? text.askAgainNot : text.askAgain(name)}
            sign="↺"
            off={question === null}
            onPress={() => question !== null && store.change(question)}
          />
          <Tool label={text.unpin(name)} sign="×" off={false} onPress={() => feature.unpin(number)} />
        </div>
      )}
    </li>
  );
}

function Tool({ label, sign, off, onPress }: { label: string; sign: string; off: boolean; onPress(): void }) {
  return (
    <button type="button" class="xai-tool" aria-label={label} title={label} disabled={off} onClick={onPress}>
      {sign}
    </button>
  );
}
