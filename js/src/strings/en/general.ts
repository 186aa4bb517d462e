import { formatCount, formatSeconds } from "../../format";

/** The titles of the parts, what is going on, and what went wrong. */
export const general = {
  predictions: "Predictions",
  method: "Method",
  layer: "Layer",
  parameters: "Parameters",
  display: "Display",
  picture: "Picture",
  notes: "Notes",

  states: {
    idle: "Ready",
    queued: "Waiting for its turn",
    running: "Computing",
    done: "Done",
    cancelled: "Cancelled",
    error: "Failed",
  },
  run: "Run",
  cancel: "Cancel",
  stopping: "Stopping …",
  stopsLater: "Will stop when the running cell ends.",
  progress: "Progress",
  duration: formatSeconds,
  timeLeft: (seconds: number) => `about ${formatSeconds(seconds)} left`,
  evaluations: (count: number) => `${formatCount(count)} model ${count === 1 ? "evaluation" : "evaluations"}`,
  silent: "The kernel does not answer: it is busy with another cell, or it was restarted (then run the cell again).",

  details: "Details",
  copy: "Copy",
  copied: "Copied",
  failed: "The explanation failed",
  unreadable: "The kernel’s answer could not be read",
  unreadableHint: "The page and the Python package may be of different versions: reload the page.",
  broken: "The widget could not be drawn",
  brokenHint: "Reload the page. If it happens again, please report it with the details below.",
};
