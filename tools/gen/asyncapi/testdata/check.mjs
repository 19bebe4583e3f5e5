// Reads AsyncAPI documents, given as files, and prints what the parser has to say of each: an object with the number of
// channels, operations and messages (all 0 when the document is invalid), and a list of problems.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [dir, ...files] = process.argv.slice(2);
const { Parser } = createRequire(join(dir, 'index.js'))('@asyncapi/parser');
const parser = new Parser();
const out = [];
for (const file of files) {
  const { document, diagnostics } = await parser.parse(readFileSync(file, 'utf8'));
  out.push({
    channels: document?.channels().all().length ?? 0,
    operations: document?.operations().all().length ?? 0,
    messages: document?.components().messages().all().length ?? 0,
    replies: document?.operations().all().filter((o) => o.reply()).length ?? 0,
    // 0 is an error, 1 a warning; what is below is advice.
    problems: diagnostics.filter((d) => d.severity <= 1).map((d) => `${d.code} at ${d.path.join('.')}: ${d.message}`),
  });
}
console.log(JSON.stringify(out));
