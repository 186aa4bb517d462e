/** What the build puts in the place of markup. */
export { createElement, Fragment } from "preact";
