import type { Session } from "../../paint/decode";
import { useStore, useText } from "../context";

/** Which of several pictures (or models) is looked at. */
export function PicturePicker({ session }: { session: Session }) {
  const store = useStore();
  const text = useText();
  return (
    <label class="xai-row">
      <span class="xai-label">{text.picture}</span>
      <select
        class="xai-select"
        aria-label={text.picture}
        value={String(store.settings.active.value)}
        onChange={(event) => store.change({ active: Number(event.currentTarget.value) })}
      >
        {session.names.map((name, index) => (
          <option key={name} value={String(index)}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
