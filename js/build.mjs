// Builds the front end into the Python package, which reads it as text: a script and a style sheet for the widget (an ES
// module), and the same for the page that `to_html` writes (a plain script: it stands in the page itself). That page
// speaks every language; the widget speaks English, and is sent another one as a module of its own when it is wanted.
//   node build.mjs           these files, minified
//   node build.mjs --watch   the same with source maps, rebuilt on change, and the harness page of dev/ served
//   node build.mjs --dev     the harness page once, without a server
import { readdirSync, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";

/** Of the script, minified; what `to_html` writes carries its own. */
const LIMIT = 180_000;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const outputs = here("../xai_widget/static/");

const common = {
  absWorkingDir: here("."),
  bundle: true,
  format: "esm",
  target: "es2022",
  // Libraries that find RequireJS on a classic notebook page would register there instead of exporting.
  define: { "define.amd": "false" },
  logLevel: "info",
  charset: "utf8",
  legalComments: "none",
};

// Not as tsconfig.json says: `createElement("p", null, a, b)` is shorter than `jsx("p", { children: [a, b] })`, and means the
// same. The name that it needs is imported into every file.
const markup = {
  jsx: "transform",
  jsxFactory: "createElement",
  jsxFragment: "Fragment",
  inject: ["jsx.mjs"],
  tsconfigRaw: {},
};

// The names of texts are long, to be read, and there are hundreds in every language: in the bundle they are short. Names
// of one word may mean something else; of the others a test says that they mean nothing to a browser.
const catalogues = here("src/strings/");
const english = `${catalogues}en/`;
const names = readdirSync(english).flatMap((file) =>
  Array.from(readFileSync(`${english}${file}`, "utf8").matchAll(/^\s+([a-z]+[A-Z]\w*):/gm), ([, name]) => name),
);
const mangleProps = new RegExp(`^(?:${[...new Set(names)].join("|")})$`);

// No code splitting and no side files: the module is loaded from a blob address and could not find them.
const widget = {
  ...common,
  ...markup,
  entryPoints: [
    { in: "src/index.ts", out: "widget" },
    { in: "src/styles/widget.css", out: "widget" },
  ],
  outdir: outputs,
  minify: true,
  mangleProps,
};

const page = {
  ...common,
  ...markup,
  entryPoints: [
    { in: "src/offline.ts", out: "offline" },
    { in: "src/styles/offline.css", out: "offline" },
  ],
  outdir: outputs,
  format: "iife",
  minify: true,
  mangleProps,
};

const languages = readdirSync(catalogues, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "en")
  .map(({ name }) => name);
const others = {
  ...common,
  entryPoints: languages.map((name) => ({ in: `src/strings/${name}/index.ts`, out: name })),
  outdir: outputs,
  minify: true,
  mangleProps,
};

const harness = {
  ...common,
  ...markup,
  entryPoints: [
    { in: "dev/harness.ts", out: "harness" },
    { in: "src/styles/widget.css", out: "widget" },
  ],
  outdir: here("dev/dist/"),
  sourcemap: "inline",
};

const flags = new Set(process.argv.slice(2));
if (flags.has("--watch")) {
  const contexts = await Promise.all([
    context({ ...harness }),
    ...[widget, others, page].map((each) =>
      context({ ...each, minify: false, mangleProps: undefined, sourcemap: "inline" }),
    ),
  ]);
  await Promise.all(contexts.map((each) => each.watch()));
  await contexts[0].serve({ servedir: here("dev/"), host: "127.0.0.1" });
} else if (flags.has("--dev")) {
  await build(harness);
} else {
  const logLevel = "warning";
  // What is sent to the widget must call its texts by the same short names.
  const { mangleCache } = await build({ ...widget, logLevel, mangleCache: {} });
  await Promise.all([build({ ...others, logLevel, mangleCache }), build({ ...page, logLevel })]);
  const scripts = languages.map((name) => `${name}.js`);
  for (const name of ["widget.js", "widget.css", "offline.js", "offline.css", ...scripts]) {
    const { size } = await stat(`${outputs}${name}`);
    process.stdout.write(`xai_widget/static/${name}  ${(size / 1000).toFixed(1)} kB\n`);
    if (name === "widget.js" && size > LIMIT) {
      process.stderr.write(`${name} has ${size} bytes; the limit is ${LIMIT}.\n`);
      process.exitCode = 1;
    }
  }
}
