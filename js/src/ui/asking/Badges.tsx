import { formatCount } from "../../format";
import type { MethodPayload } from "../../protocol";
import { useText } from "../context";

/** What is to be known of a method at a glance; `signed`: of the map in question, for a contrast may be where a class is not. */
export function Badges({ method, signed }: { method: MethodPayload; signed: boolean }) {
  const text = useText();
  const { cost, class_specific, randomisation } = method;
  const runs = cost.forwards + cost.backwards;
  const price = cost.seconds === null ? text.runs(formatCount(runs), runs) : `≈ ${text.duration(cost.seconds)}`;
  const badges = [
    { name: "cost", kind: "plain", words: price, help: text.cost(cost) },
    {
      name: "signed",
      kind: "plain",
      words: signed ? text.signed : text.unsigned,
      help: signed ? text.signedHelp : text.unsignedHelp,
    },
    {
      name: "class",
      kind: class_specific ? "plain" : "warning",
      words: class_specific ? text.classSpecific : text.anyClass,
      help: class_specific ? text.classSpecificHelp : text.notClassSpecific,
    },
    {
      name: "randomisation",
      kind: { passes: "good", partly: "plain", fails: "warning", unknown: "plain" }[randomisation],
      words: text.randomisation[randomisation],
      help: text.randomisationHelp,
    },
  ];
  return (
    <span class="xai-badges">
      {badges.map(({ name, kind, words, help }) => (
        <span key={name} class="xai-fact" data-fact={name} data-kind={kind} title={help}>
          {words}
        </span>
      ))}
    </span>
  );
}
