// Builds the SDK and the pages into the Python package, which serves them; with --tests the unit tests.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const web = dirname(fileURLToPath(import.meta.url));
const statics = join(web, "../python/roomline/web/static");
const common = { bundle: true, format: "esm", target: "es2022", logLevel: "warning", legalComments: "none" };

async function buildSdk() {
  const dist = join(web, "sdk/dist");
  rmSync(dist, { recursive: true, force: true });
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", join(web, "sdk")], { stdio: "inherit" });
  await build({
    ...common,
    entryPoints: [join(web, "sdk/src/index.ts")],
    outfile: join(dist, "roomline.js"),
    sourcemap: "linked",
  });
  // TypeScript looks for the types of roomline.js beside it.
  writeFileSync(join(dist, "roomline.d.ts"), 'export * from "./index.js";\n');
  cpSync(dist, join(statics, "sdk"), { recursive: true });
}

async function buildMeet() {
  const out = join(statics, "meet");
  mkdirSync(out, { recursive: true });
  await build({
    ...common,
    entryPoints: { meet: join(web, "meet/src/main.ts") },
    outdir: out,
    tsconfig: join(web, "meet/tsconfig.json"),
    minify: true,
    sourcemap: "linked",
  });
  await build({ ...common, entryPoints: [join(web, "meet/src/meet.css")], outdir: out, minify: true });
  cpSync(join(web, "meet/src/index.html"), join(out, "index.html"));
}

/** What browsers load, compressed once here and not by the server at every visit. */
function compress(folder) {
  for (const name of readdirSync(folder).filter((each) => /\.(js|css|html)$/.test(each))) {
    const path = join(folder, name);
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
  }
}

async function buildTests() {
  const out = join(web, "tests/dist");
  rmSync(out, { recursive: true, force: true });
  const entryPoints = ["sdk/test", "meet/test"].flatMap((folder) =>
    readdirSync(join(web, folder))
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => join(web, folder, name)),
  );
  await build({
    ...common,
    entryPoints,
    outdir: out,
    entryNames: "[name]",
    platform: "node",
    tsconfig: join(web, "tsconfig.test.json"),
    sourcemap: "inline",
  });
}

if (process.argv.includes("--tests")) {
  await buildTests();
} else {
  rmSync(join(statics, "sdk"), { recursive: true, force: true });
  rmSync(join(statics, "meet"), { recursive: true, force: true });
  await buildSdk();
  await buildMeet();
  compress(join(statics, "sdk"));
  compress(join(statics, "meet"));
}
