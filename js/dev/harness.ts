/**
 * The widget without a kernel: a page that answers with made-up data.
 *
 * The address chooses what is shown: `?case=error&theme=dark`. Cases: see `CASES` in fake-kernel.ts.
 */
import type { RenderProps } from "@anywidget/types";
import widget from "../src/index";
import type { Traits } from "../src/protocol";
import { createFakeKernel } from "./fake-kernel";
import { createFakeModel } from "./fake-model";

const query = new URLSearchParams(location.search);
const name = query.get("case") ?? "plain";
document.body.dataset.jpThemeLight = String(query.get("theme") !== "dark");

const el = document.getElementById("widget");
if (el === null) {
  throw new Error("The page has no #widget.");
}
const photo = await readPhoto(query.get("photo") ?? "cat.jpg");
const kernel = createFakeKernel(name, photo);
const model = createFakeModel(kernel.traits);
kernel.attach(model);
Object.assign(globalThis, { model, sent: model.sent });

const lifetime = new AbortController();
const made = widget();
const props = { model, el, signal: lifetime.signal } as unknown as RenderProps<Traits>;
made.initialize(props as never);
made.render(props);

async function readPhoto(address: string): Promise<ImageData> {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d");
  if (context === null) {
    throw new Error("The browser gives no 2d context.");
  }
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
