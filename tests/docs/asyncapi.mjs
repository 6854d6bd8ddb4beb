/* asyncapi.mjs FILE: is it a valid AsyncAPI document, its Avro schemas included? Exit 1 where not. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const [file] = process.argv.slice(2);
const require = createRequire(pathToFileURL(path.resolve("build/asyncapi/package.json")));
const { Parser, fromFile } = require("@asyncapi/parser");
const { AvroSchemaParser } = require("@asyncapi/avro-schema-parser");

const parser = new Parser();
parser.registerSchemaParser(AvroSchemaParser());
const { document, diagnostics } = await fromFile(parser, file).parse();
const faults = diagnostics.filter(({ severity }) => severity === 0);
for (const { message, path: place } of faults) {
  console.error(`${place.join(".")}: ${message}`);
}
if (document) {
  console.log(document.channels().all().map((channel) => channel.address()).join("\n"));
}
process.exit(document && faults.length === 0 ? 0 : 1);
