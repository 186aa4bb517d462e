/** A photo is made small before it crosses. */

/** What the kernel takes, in bytes. */
export const LARGEST_BYTES = 2 * 1024 * 1024;
/** No model looks at more. */
export const LONGEST_SIDE = 1024;
const QUALITIES = [0.92, 0.85, 0.75, 0.6] as const;
/** Formats that every reader knows, and that are sent as they are if they are small. */
const PLAIN: readonly string[] = ["image/jpeg", "image/png", "image/webp"];

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A way to write a picture. */
export interface Attempt extends Size {
  readonly type: "image/png" | "image/webp" | "image/jpeg";
  readonly quality: number | undefined;
}

/** The size with its longest side shortened to `longest`; nothing is enlarged, and no side vanishes. */
export function fitted({ width, height }: Size, longest: number): Size {
  const scale = Math.min(1, longest / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Whether a file can be sent as it is. */
export function isSmall(type: string, bytes: number, size: Size): boolean {
  return PLAIN.includes(type) && bytes <= LARGEST_BYTES && Math.max(size.width, size.height) <= LONGEST_SIDE;
}

/** The ways to write a picture, the best first: without loss where it came so, then ever coarser, then ever smaller. */
export function attempts(type: string, size: Size): Attempt[] {
  const found: Attempt[] = [];
  for (const longest of [LONGEST_SIDE, LONGEST_SIDE / 2, LONGEST_SIDE / 4]) {
    const scaled = fitted(size, longest);
    if (type !== "image/jpeg" && longest === LONGEST_SIDE) {
      found.push({ ...scaled, type: "image/png", quality: undefined });
    }
    for (const quality of QUALITIES) {
      found.push({ ...scaled, type: "image/webp", quality }, { ...scaled, type: "image/jpeg", quality });
    }
  }
  return found;
}

/**
 * The first attempt that is small enough.
 *
 * @param write what a browser makes of an attempt; null, or another type, where it cannot write that one
 * @returns null if none is
 */
export async function firstSmall(
  tries: readonly Attempt[],
  write: (attempt: Attempt) => Promise<Blob | null>,
): Promise<Blob | null> {
  for (const attempt of tries) {
    const blob = await write(attempt);
    if (blob !== null && blob.type === attempt.type && blob.size <= LARGEST_BYTES) {
      return blob;
    }
  }
  return null;
}

/**
 * A file as it can be sent, upright and small.
 *
 * @throws the browser's error for what is no picture
 */
export async function prepare(file: Blob): Promise<Blob | null> {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  try {
    if (isSmall(file.type, file.size, bitmap)) {
      return file;
    }
    return await firstSmall(attempts(file.type, bitmap), async ({ width, height, type, quality }) => {
      const canvas = document.createElement("canvas");
      canvas.width = width;
      canvas.height = height;
      const context = canvas.getContext("2d");
      if (context === null) {
        return null;
      }
      context.imageSmoothingQuality = "high";
      if (type === "image/jpeg") {
        // What is transparent would become black; the kernel, too, shows it on white.
        context.fillStyle = "#fff";
        context.fillRect(0, 0, width, height);
      }
      context.drawImage(bitmap, 0, 0, width, height);
      return new Promise<Blob | null>((done) => canvas.toBlob(done, type, quality));
    });
  } finally {
    bitmap.close();
  }
}
