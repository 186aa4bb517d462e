import type { ParamPayload, Value } from "../../protocol";

export interface ParameterProps {
  param: ParamPayload;
  /** What was set; undefined where the method's default holds. */
  value: Value | undefined;
  /** undefined takes the setting back. */
  onCommit(value: Value | undefined): void;
}

/** A name, and what it means on request. */
export function ParameterLabel({ param }: { param: ParamPayload }) {
  return (
    <span class="xai-label">
      {param.label}
      {param.help && (
        <button type="button" class="xai-help" aria-label={`${param.label}: ${param.help}`} data-help={param.help}>
          ?
        </button>
      )}
    </span>
  );
}
