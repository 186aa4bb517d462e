import type { ComponentChildren } from "preact";

interface Props {
  title: string;
  /** What stands at the end of the title's line. */
  action?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}

export function Section({ title, action, class: name, children }: Props) {
  return (
    <section class={`xai-section ${name ?? ""}`}>
      <div class="xai-section-head">
        <span class="xai-section-title">{title}</span>
        {action}
      </div>
      {children}
    </section>
  );
}
