import type { Session } from "../paint/decode";
import { useText } from "./context";

/** Notes longer than this fold into one line. */
const LONG = 160;

/** What was assumed about the model and the picture. */
export function Notes({ session }: { session: Session }) {
  const text = useText();
  const notes = [session.model, ...session.notes].filter(Boolean);
  const length = notes.reduce((all, note) => all + note.length, 0);
  if (notes.length === 0) {
    return null;
  }
  if (length <= LONG) {
    return <p class="xai-notes">{notes.map((note) => note.replace(/\.$/, "")).join(" · ")}</p>;
  }
  return (
    <details class="xai-details xai-notes">
      <summary>
        {text.notes}: {notes[0]}
      </summary>
      <ul>
        {notes.slice(1).map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </details>
  );
}
