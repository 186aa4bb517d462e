import { type Signal, useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { PlanePayload } from "../../protocol";
import { crosshairOf, sameVoxel, shownPlanes, type Triple } from "../../volume/space";
import type { Volume } from "../../volume/volume";
import { useStore } from "../context";

/** Where somebody looks in a volume, and how that is changed. */
export interface Looking {
  readonly volume: Volume;
  /** As they are shown. */
  readonly planes: readonly PlanePayload[];
  readonly crosshair: Triple;
  /** The voxel under the pointer, where there is one. */
  readonly pointed: Signal<Triple | null>;
  /** Whether the keyboard has moved the crosshair: then what is there is said. */
  readonly spoken: Signal<boolean>;
  /** The voxel that is read. */
  read(): Triple;
  /** Move the crosshair; nobody is told before `settle`. */
  move(to: Triple, spoken?: boolean): void;
  settle(): void;
  /** Both at once. */
  go(to: Triple): void;
}

export function useLooking(volume: Volume): Looking {
  const store = useStore();
  const pointed = useSignal<Triple | null>(null);
  const spoken = useSignal(false);
  const { crosshair, radiological } = store.view.value;
  const planes = useMemo(
    () => shownPlanes(volume.planes, volume.affine, radiological),
    [volume.planes, volume.affine, radiological],
  );
  const here = () => crosshairOf(store.view.peek().crosshair, volume.full);
  const move = ([i, j, k]: Triple, said = false) => {
    spoken.value = said;
    if (!sameVoxel([i, j, k], here())) {
      store.preview({ crosshair: [i, j, k] });
    }
  };
  const settle = () => store.keep({ crosshair: store.view.peek().crosshair });
  return {
    volume,
    planes,
    crosshair: crosshairOf(crosshair, volume.full),
    pointed,
    spoken,
    read: () => crosshairOf(pointed.value ?? crosshair, volume.full),
    move,
    settle,
    go(to) {
      move(to);
      settle();
    },
  };
}
