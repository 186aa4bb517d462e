import { createGallery, ofModel } from "../../comparing/gallery";
import type { Session } from "../../paint/decode";
import { useStore, useText } from "../context";
import { Select } from "../Select";
import { Gallery } from "./Gallery";
import { PhotoButton } from "./PhotoButton";

/** Which of several pictures (or models) is looked at, and the way to bring one's own. */
export function PicturePicker({ session }: { session: Session }) {
  const store = useStore();
  const text = useText();
  const { controls, active } = store.settings;
  const entries = ofModel(store.feature(createGallery).value, session.index);
  const photos = store.live && !session.volume && (controls.value === null || controls.value.includes("photo"));
  const several = session.names.length > 1;
  if (!several && !photos) {
    return null;
  }
  return (
    <div class="xai-pictures">
      <div class="xai-pictures-head">
        {several && (
          <Select
            label={text.picture}
            class="xai-row xai-picture-choice"
            value={String(active.value)}
            onChange={(value) => store.change({ active: Number(value) })}
          >
            {session.names.map((name, index) => (
              <option key={`${index} ${name}`} value={String(index)}>
                {name}
              </option>
            ))}
          </Select>
        )}
        {photos && <PhotoButton />}
      </div>
      {entries.length > 1 && <Gallery entries={entries} active={session.index} />}
    </div>
  );
}
