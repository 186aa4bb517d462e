import type { ComponentChildren } from "preact";
import type { Mode } from "../../protocol";

export type IconName = Mode | "less" | "more" | "enlarge" | "reduce";

const FRAME = <rect x="1.6" y="2.6" width="12.8" height="10.8" rx="1.4" />;

const DRAWN: Record<IconName, ComponentChildren> = {
  overlay: (
    <>
      {FRAME}
      <circle cx="6.6" cy="8" r="2.9" class="xai-icon-half" />
      <circle cx="6.6" cy="8" r="1.3" class="xai-icon-full" />
    </>
  ),
  side: (
    <>
      <rect x="0.9" y="3.9" width="6.2" height="8.2" rx="1.1" />
      <rect x="8.9" y="3.9" width="6.2" height="8.2" rx="1.1" />
      <circle cx="12" cy="8" r="1.9" class="xai-icon-full" />
    </>
  ),
  curtain: (
    <>
      {FRAME}
      <path d="M2 3H8V13H2Z" class="xai-icon-half" />
      <path d="M8 1.2V14.8" />
    </>
  ),
  map: (
    <>
      <rect x="1.6" y="2.6" width="12.8" height="10.8" rx="1.4" class="xai-icon-half" />
      {FRAME}
      <circle cx="6.6" cy="8" r="2.2" class="xai-icon-full" />
    </>
  ),
  contours: (
    <>
      <path d="M1.5 8.2C1.5 4.6 4.6 2.2 8.2 2.2S14.5 4.4 14.5 8 11.8 13.8 8 13.8 1.5 11.8 1.5 8.2Z" />
      <path d="M4.2 8.3C4.2 6.2 5.8 4.8 7.6 4.8S11 6 11 8 9.5 11.2 7.6 11.2 4.2 10.2 4.2 8.3Z" />
      <circle cx="7.2" cy="8" r="1.1" class="xai-icon-full" />
    </>
  ),
  regions: (
    <>
      {FRAME}
      <path d="M4 5.4C4 4.6 4.8 4.4 5.6 4.4S7.6 4.7 7.6 6.2 6.8 8 5.8 8 4 7.2 4 5.4Z" class="xai-icon-full" />
      <path d="M8.8 10C8.8 9 9.6 8.6 10.6 8.6S12.4 9.2 12.4 10 11.6 11.4 10.6 11.4 8.8 11 8.8 10Z" />
    </>
  ),
  image: (
    <>
      {FRAME}
      <path d="M2 11.4L5.8 7.6 8.6 10.4 10.8 8.4 14 11.2" />
      <circle cx="10.8" cy="5.6" r="1.1" class="xai-icon-full" />
    </>
  ),
  less: <path d="M3.5 8H12.5" />,
  more: <path d="M3.5 8H12.5M8 3.5V12.5" />,
  enlarge: <path d="M2.5 6V2.5H6M10 2.5H13.5V6M13.5 10V13.5H10M6 13.5H2.5V10" />,
  reduce: <path d="M6 2.5V6H2.5M13.5 6H10V2.5M10 13.5V10H13.5M2.5 10H6V13.5" />,
};

/** A small drawing that takes the colour of the text around it; what it means is said by what it stands in. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="xai-icon" viewBox="0 0 16 16" aria-hidden="true">
      {DRAWN[name]}
    </svg>
  );
}
