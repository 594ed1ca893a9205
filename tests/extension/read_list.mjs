// Applies signed lists, one after the other, and prints what is near the icons of a file of pictures.
import { readFileSync } from "node:fs";
import { argv, stdout } from "node:process";
import { pathToFileURL } from "node:url";

const [, , folder, ...files] = argv;
const load = (path) => import(pathToFileURL(`${folder}/${path}`).href);
const { nameAt, received, restored, sitesOf, stored } = await load("looks/list.js");
const { near, searchable } = await load("looks/search.js");
const { formsOf } = await load("looks/look.js");
const { siteOf } = await load("lib/sites.js");

const asked = JSON.parse(files.pop());
let list = null, pinned = "";
const answers = { errors: [], hosts: {}, near: [] };
for (const file of files) {
  const bytes = readFileSync(file);
  try {
    const given = await received(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), list, pinned);
    list = await restored(stored(given.list));
    pinned = given.key;
  } catch (error) {
    answers.errors.push(`${error.name}: ${error.message}`);
  }
}
for (const host of asked.hosts ?? []) answers.hosts[host] = siteOf(host, list?.extras.suffixes);
if (asked.pictures) {
  const bytes = readFileSync(asked.pictures);
  const ready = searchable(list);
  for (let at = 0; at < bytes.length; ) {
    const width = bytes.readUInt16LE(at), height = bytes.readUInt16LE(at + 2);
    const data = new Uint8ClampedArray(bytes.subarray(at + 4, (at += 4 + width * height * 4)));
    const forms = formsOf({ data, width, height });
    const start = performance.now();
    const found = near(ready, forms);
    answers.near.push({ ms: performance.now() - start, found: found.map((one) => one.site) });
  }
}
const names = list && Array.from({ length: sitesOf(list) }, (_, place) => nameAt(list, place));
stdout.write(JSON.stringify({ ...answers, version: list?.version, names, codes: list && list.pdqs.length / 32 }));
