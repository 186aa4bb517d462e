import type { PlanePayload } from "../../protocol";

const EDGES = ["left", "right", "top", "bottom"] as const;

/** Which side of the patient lies at which edge of a slice; the letters are no part of a button's name. */
export function Marks({ plane }: { plane: PlanePayload }) {
  return (
    <>
      {plane.marks.map(
        (mark, at) =>
          mark && (
            <span key={EDGES[at]} class="xai-pane-mark" data-edge={EDGES[at]} data-mark={mark} aria-hidden="true" />
          ),
      )}
    </>
  );
}
