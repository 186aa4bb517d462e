import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Session } from "../../paint/decode";
import { type Asked, askedOf, numbersCode, viewCode } from "../../taking/code";
import { copyText } from "../../taking/download";
import { useStore, useText } from "../context";
import { MenuItem } from "./MenuItem";

interface Props {
  session: Session;
  tell(words: string): void;
}

/** The Python that asks the same question again. */
export function CodePart({ session, tell }: Props) {
  const store = useStore();
  const text = useText();
  const part = useRef<HTMLElement>(null);
  const refused = useSignal("");
  const { method, params, target, layer, expert, controls } = store.settings;
  const settings: Asked = { method: method.value, params: params.value, target: target.value, layer: layer.value };
  const asked = askedOf(session, store.known.value.answer?.result ?? null, settings);
  const shown = { view: store.view.value, expert: expert.value, controls: controls.value };
  const copy = async (code: string) => {
    const copied = await copyText(code, part.current ?? document.body);
    refused.value = copied ? "" : code;
    tell(copied ? text.codeCopied : text.notCopied);
  };
  return (
    <section class="xai-menu-part" ref={part}>
      <span class="xai-menu-title">{text.python}</span>
      <MenuItem
        label={text.copyView}
        help={text.copyViewHelp}
        onClick={() => copy(viewCode(session, asked, shown, text))}
      />
      <MenuItem
        label={text.copyNumbers}
        help={text.copyNumbersHelp}
        onClick={() => copy(numbersCode(session, asked, text))}
      />
      {refused.value && (
        <textarea
          class="xai-menu-code"
          aria-label={text.codeText}
          readOnly
          rows={6}
          value={refused.value}
          onFocus={(event) => event.currentTarget.select()}
        />
      )}
    </section>
  );
}
