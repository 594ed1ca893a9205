// Reads pictures (width, height: u16 little endian; then straight RGBA) and prints what the extension computes of each.
import { readFileSync } from "node:fs";
import { argv, stdout } from "node:process";
import { pathToFileURL } from "node:url";

const [, , folder, file] = argv;
const load = (path) => import(pathToFileURL(`${folder}/${path}`).href);
const { pdq } = await load("hashing/pdq.js");
const { blockhashes } = await load("hashing/blockhash.js");
const { hexOf } = await load("hashing/hex.js");
const { formsOf } = await load("looks/look.js");

const bytes = readFileSync(file);
const lines = [];
for (let at = 0; at < bytes.length; ) {
  const width = bytes.readUInt16LE(at), height = bytes.readUInt16LE(at + 2);
  const data = new Uint8ClampedArray(bytes.subarray(at + 4, at + 4 + width * height * 4));
  at += 4 + width * height * 4;
  const picture = { data, width, height };
  const forms = Object.fromEntries(formsOf(picture).map((form) => [form.name, [hexOf(form.pdq), [...form.tint]]]));
  lines.push(JSON.stringify({ pdq: hexOf(pdq(picture)), ...blockhashes(picture), forms }));
}
stdout.write(lines.join("\n"));
