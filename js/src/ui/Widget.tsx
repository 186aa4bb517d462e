import { createGallery } from "../comparing/gallery";
import { createOthers } from "../comparing/others";
import { createPins } from "../comparing/pins";
import type { Control } from "../protocol";
import { LayerPicker } from "./asking/LayerPicker";
import { MethodPicker } from "./asking/MethodPicker";
import { Parameters } from "./asking/Parameters";
import { Predictions } from "./asking/Predictions";
import { PicturePicker } from "./comparing/PicturePicker";
import { Pins } from "./comparing/Pins";
import { useStore, useText } from "./context";
import { Tools } from "./doing/Tools";
import { ErrorBox } from "./ErrorBox";
import { Notes } from "./Notes";
import { StatusBar } from "./StatusBar";
import { Simple } from "./saying/Simple";
import { Display } from "./stage/Display";
import { Stage } from "./stage/Stage";
import { Actions } from "./taking/Actions";

/** The whole interface: what is going on at the top, what is seen on the left, what is asked on the right. */
export function Widget() {
  const store = useStore();
  const { settings, known } = store;
  const text = useText();
  // They hear what the kernel tells a new view, before anything of them is drawn.
  store.feature(createPins);
  store.feature(createOthers);
  store.feature(createGallery);
  const { session, failure, status } = known.value;
  const told = status.state === "error" ? { title: text.failed, hint: status.message, traceback: "" } : null;
  const error = failure?.error ?? told;
  return (
    <>
      <StatusBar>{session && <Actions session={session} />}</StatusBar>
      {error && <ErrorBox error={error} text={text} />}
      {session && <PicturePicker session={session} />}
      {session && !settings.expert.value ? <Simple session={session} /> : <Expert />}
      {session && <Pins session={session} />}
      {session && <Notes session={session} />}
    </>
  );
}

function Expert() {
  const { settings, known } = useStore();
  const { session, status } = known.value;
  const { controls } = settings;
  const has = (control: Control) => controls.value === null || controls.value.includes(control);
  const method = session?.methods.find(({ id }) => id === settings.method.value) ?? null;
  const asks = has("predictions") || has("method") || has("layer") || has("params");
  return (
    <div class="xai-body" data-columns={session !== null && asks ? 2 : 1} data-volume={Boolean(session?.volume)}>
      <div class="xai-column">
        <Stage dimmed={status.state === "error"} />
        {session && <Tools session={session} />}
        {session && has("display") && <Display />}
      </div>
      {session && asks && (
        <div class="xai-column">
          {has("predictions") && <Predictions session={session} method={method} />}
          {has("method") && <MethodPicker session={session} method={method} />}
          {has("layer") && method && <LayerPicker session={session} method={method} />}
          {has("params") && method && <Parameters method={method} />}
        </div>
      )}
    </div>
  );
}
