import type { ComponentChildren } from "preact";
import type { Mode } from "../../protocol";
import { useText, useView } from "../context";
import { Segments } from "../Segments";
import { WHOLE } from "../view";
import { useFullScreen } from "./fullscreen";
import { Icon } from "./Icon";
import { CLOSEST, WIDEST, ZOOM_STEP, zoomAt } from "./viewport";

interface Props {
  /** The ones to choose from; none: there is no choice. */
  modes: readonly Mode[];
  zooms?: boolean;
  children?: ComponentChildren;
}

/** How the picture is shown, how much of it, and how large. */
export function Toolbar({ modes, zooms, children }: Props) {
  return (
    <div class="xai-toolbar">
      {modes.length > 0 && <Views modes={modes} />}
      {children}
      {zooms && <Zoom />}
      <Enlarge />
    </div>
  );
}

function Views({ modes }: { modes: readonly Mode[] }) {
  const { store } = useView();
  const text = useText();
  const { mode } = store.view.value;
  // What is not offered here is shown as the first of what is.
  const shown = modes.includes(mode) ? mode : modes[0];
  return (
    <>
      <Segments
        label={text.mode}
        names={modes}
        word={(each) => text.modes[each]}
        help={(each) => text.modeHelps[each]}
        face={(each) => <Icon name={each} />}
        chosen={shown}
        onChoose={(each) => store.keep({ mode: each })}
      />
      <span class="xai-view-name" aria-hidden="true">
        {text.modes[shown]}
      </span>
    </>
  );
}

function Zoom() {
  const { viewport } = useView();
  const text = useText();
  const { zoom } = viewport.value;
  const percent = Math.round(zoom * 100);
  const change = (factor: number) => {
    viewport.value = zoomAt(viewport.peek(), factor);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a line
    <div class="xai-zoom" role="group" aria-label={text.zoom}>
      <button
        type="button"
        class="xai-tool"
        aria-label={text.zoomOut}
        title={text.zoomOutHelp}
        aria-disabled={zoom <= WIDEST}
        onClick={() => change(1 / ZOOM_STEP)}
      >
        <Icon name="less" />
      </button>
      <button
        type="button"
        class="xai-tool xai-zoom-number xai-number"
        aria-label={text.zoomReset(percent)}
        title={text.zoomResetHelp}
        onClick={() => {
          viewport.value = WHOLE;
        }}
      >
        {text.percent(percent)}
      </button>
      <button
        type="button"
        class="xai-tool"
        aria-label={text.zoomIn}
        title={text.zoomInHelp}
        aria-disabled={zoom >= CLOSEST}
        onClick={() => change(ZOOM_STEP)}
      >
        <Icon name="more" />
      </button>
    </div>
  );
}

function Enlarge() {
  const text = useText();
  const screen = useFullScreen(useView().root);
  const full = screen.active.value;
  return (
    <button
      type="button"
      class="xai-tool"
      aria-label={text.fullScreen}
      title={full ? text.leaveFullScreen : text.fullScreenHelp}
      aria-pressed={full}
      onClick={() => screen.toggle()}
    >
      <Icon name={full ? "reduce" : "enlarge"} />
    </button>
  );
}
