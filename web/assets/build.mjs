// Bundles the style sheets and scripts into ../static, under names that change with their content.
// Run here, after `npm ci`: node build.mjs
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const target = join(here, "../static");

// Phones of seven years old; esbuild writes what they understand.
const browsers = ["chrome100", "firefox100", "safari15.4"];
const bundled = [
  "css/site.css",
  "css/home.css",
  "css/proposal.css",
  "css/desk.css",
  "css/dials.css",
  "css/places.css",
  "css/profile.css",
  "css/asking.css",
  "css/care.css",
  "js/site.js",
];
const copied = ["icons/favicon.svg"];

async function bundle(entry) {
  const result = await build({
    absWorkingDir: here,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    legalComments: "none",
    logLevel: "warning",
    target: browsers,
  });
  return Buffer.from(result.outputFiles[0].contents);
}

function hashedName(entry, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 10);
  const extension = extname(entry);
  return `${basename(entry, extension)}-${hash}${extension}`;
}

async function publish(name, content) {
  const file = join(target, name);
  const brotli = { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } };
  await writeFile(file, content);
  await writeFile(`${file}.gz`, gzipSync(content, { level: 9 }));
  await writeFile(`${file}.br`, brotliCompressSync(content, brotli));
}

async function main() {
  const contents = [
    ...(await Promise.all(bundled.map(async (entry) => [entry, await bundle(entry)]))),
    ...(await Promise.all(copied.map(async (entry) => [entry, await readFile(join(here, entry))]))),
  ];
  const manifest = {};
  await mkdir(target, { recursive: true });
  const before = await readdir(target);
  for (const [entry, content] of contents) {
    manifest[basename(entry)] = hashedName(entry, content);
    await publish(manifest[basename(entry)], content);
  }
  // After the files it names, so that whoever reads it finds them; only then the old ones go.
  await writeFile(join(target, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const current = Object.values(manifest);
  const stale = before.filter((name) => name !== "manifest.json" && !current.includes(name.replace(/\.(gz|br)$/, "")));
  await Promise.all(stale.map((name) => rm(join(target, name), { recursive: true })));
}

await main();
