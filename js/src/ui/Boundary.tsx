import type { ReadonlySignal } from "@preact/signals";
import { Component, type ComponentChildren } from "preact";
import type { Strings } from "../strings";
import { ErrorBox } from "./ErrorBox";

interface Props {
  text: ReadonlySignal<Strings>;
  children: ComponentChildren;
}

/** Turns a failure while drawing into a box that says so; the host would only log it and leave the cell blank. */
export class Boundary extends Component<Props, { cause: unknown }> {
  override state = { cause: null as unknown };

  override componentDidCatch(cause: unknown): void {
    this.setState({ cause });
  }

  override render({ text, children }: Props, { cause }: { cause: unknown }) {
    if (cause === null) {
      return children;
    }
    const traceback = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    const { broken, brokenHint } = text.value;
    return <ErrorBox text={text.value} error={{ title: broken, hint: brokenHint, traceback }} />;
  }
}
