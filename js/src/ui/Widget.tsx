import type { Control } from "../protocol";
import { useStore, useText } from "./context";
import { Display } from "./Display";
import { ErrorBox } from "./ErrorBox";
import { LayerPicker } from "./LayerPicker";
import { MethodPicker } from "./MethodPicker";
import { Notes } from "./Notes";
import { Parameters } from "./Parameters";
import { PicturePicker } from "./PicturePicker";
import { Predictions } from "./Predictions";
import { Stage } from "./Stage";
import { StatusBar } from "./StatusBar";

/** The whole interface: what is asked on the right, what is seen on the left, what is going on at the top. */
export function Widget() {
  const { settings, known } = useStore();
  const text = useText();
  const { session, failure, status } = known.value;
  const { controls } = settings;
  const has = (control: Control) => controls.value === null || controls.value.includes(control);
  const method = session?.methods.find(({ id }) => id === settings.method.value) ?? null;
  const told = status.state === "error" ? { title: text.failed, hint: status.message, traceback: "" } : null;
  const error = failure?.error ?? told;
  const asks = has("predictions") || has("method") || has("layer") || has("params");
  return (
    <>
      <StatusBar />
      {error && <ErrorBox error={error} text={text} />}
      <div class="xai-body" data-columns={session !== null && asks ? 2 : 1}>
        <div class="xai-column">
          {session && session.names.length > 1 && <PicturePicker session={session} />}
          <Stage dimmed={status.state === "error"} />
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
      {session && <Notes session={session} />}
    </>
  );
}
