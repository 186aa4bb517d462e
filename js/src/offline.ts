/** The page that `XaiWidget.to_html` writes: the widget with a host that holds everything which was computed. */
import { h, render } from "preact";
import { Chooser } from "./offline/Chooser";
import { createHost } from "./offline/host";
import { inWords, questionOf } from "./offline/lookup";
import { readPage, wordsFor } from "./offline/saved";
import { createStore } from "./state";
import { languageOf, strings } from "./strings";
import { CATALOGUES } from "./strings/all";
import { drawBroken } from "./ui/broken";
import { mount } from "./ui/mount";
import { createSay } from "./words";

async function open(head: HTMLElement, body: HTMLElement, data: HTMLElement): Promise<void> {
  const saved = await readPage(JSON.parse(data.textContent ?? ""));
  const { locale } = saved.settings;
  const text = strings(locale, CATALOGUES);
  const speech = { text, say: createSay(wordsFor(saved, languageOf(locale))) };
  const host = createHost(saved, speech);
  const lifetime = new AbortController().signal;
  const names = saved.maps.map(({ content }) => inWords(saved, questionOf(saved, content), speech));
  if (names.length > 1) {
    render(h(Chooser, { label: text.savedMaps, names, shown: host.shown, onChoose: host.show }), head);
  }
  mount(body, createStore(host.model, lifetime, false, CATALOGUES), lifetime);
}

const [head, body, data] = ["xai-head", "xai-body", "xai-data"].map((id) => document.getElementById(id));
if (head && body && data) {
  open(head, body, data).catch((cause: unknown) => drawBroken(body, cause, strings(null, CATALOGUES)));
}
