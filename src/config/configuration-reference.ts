/**
 * The reference of the configuration file, printed from its language: `docs/configuration.md` is this text, and a test
 * fails when it is stale. What the tables cannot say stands here as prose.
 */
import { siteShape, usersShape } from './language.ts';
import type { FieldForm, Form } from './shape.ts';

/** Markdown, ended by a newline. */
export function formatConfigurationReference(): string {
  const site = siteShape.form;
  if (site.kind !== 'map') throw new TypeError('the configuration is a map');
  const sections = site.fields.map((field) => formatSection(field));
  const planned = collectPlanned('', site);
  return `${[
    INTRODUCTION,
    ...sections,
    USERS_INTRODUCTION,
    formatTable(rowsOf('NAME', usersShape.form)),
    RULES,
    PROFILES,
    `${PLANNED}\n\n${planned.map((key) => `\`${key}\``).join(', ')}.`,
  ].join('\n\n')}\n`;
}

function formatSection(field: FieldForm): string {
  const inner = rowsOf(field.name, field.form);
  const title = `## \`${field.name}\``;
  if (inner.length === 0) return [title, `${field.doc}`, formatLine(field)].join('\n\n');
  return [title, `${field.doc} ${absenceSentence(field)}`, formatTable(inner)].join('\n\n');
}

function formatLine(field: FieldForm): string {
  return `${capital(allowedPhrase(field.form))}. ${absenceSentence(field)}`;
}

function absenceSentence(field: FieldForm): string {
  if (field.absence === 'required') return 'Required.';
  return field.absence === 'as below' ? 'Absent: the defaults below.' : `Absent: ${field.absence}.`;
}

interface Row {
  readonly key: string;
  readonly allowed: string;
  readonly absence: string;
  readonly doc: string;
}

/** Columns padded, as the formatter of the repository wants Markdown. */
function formatTable(rows: readonly Row[]): string {
  const cells = rows.map(({ key, allowed, absence, doc }) => [`\`${key}\``, ...[allowed, absence, doc].map(cell)]);
  const head = ['key', 'value', 'if absent', ''];
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...cells.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n');
}

/** Every key below this one, depth first. */
function rowsOf(key: string, form: Form): readonly Row[] {
  switch (form.kind) {
    case 'scalar':
      return [];
    case 'list':
      return rowsOf(`${key}[]`, form.item);
    case 'record':
      return rowsOf(key === 'NAME' ? key : `${key}.*`, form.value);
    case 'either':
      return [...rowsOf(key, form.text), ...rowsOf(key, form.map)];
    case 'map':
      return form.fields.flatMap((field) => {
        const name = `${key}.${field.name}`;
        const row = { key: name, allowed: allowedPhrase(field.form), absence: field.absence, doc: field.doc };
        return [row, ...rowsOf(name, field.form)];
      });
  }
}

function allowedPhrase(form: Form): string {
  switch (form.kind) {
    case 'scalar':
      return form.allowed;
    case 'list':
      return form.item.kind === 'scalar' ? `a list, each ${form.item.allowed}` : 'a list of maps';
    case 'record':
      return `a map; each key ${form.keys}`;
    case 'either':
      return `${allowedPhrase(form.text)}; or a map`;
    case 'map':
      return 'a map';
  }
}

function collectPlanned(key: string, form: Form): readonly string[] {
  switch (form.kind) {
    case 'scalar':
      return [];
    case 'list':
      return collectPlanned(`${key}[]`, form.item);
    case 'record':
      return collectPlanned(`${key}.*`, form.value);
    case 'either':
      return [...collectPlanned(key, form.text), ...collectPlanned(key, form.map)];
    case 'map': {
      const name = (child: string) => (key === '' ? child : `${key}.${child}`);
      return [
        ...form.unsupported.map(name),
        ...form.fields.flatMap((field) => collectPlanned(name(field.name), field.form)),
      ];
    }
  }
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const INTRODUCTION = `# The configuration file

Printed by \`sealgate reference\` from the code that reads the file. [\`config/sealgate.yaml\`](../config/sealgate.yaml) is
the file to begin with. \`sealgate check\` lists every mistake at once, as \`file:line:column: key: problem: what is allowed\`,
and exits with 78; a gateway that is told to reload a file with a mistake keeps the old one.

- The file is YAML, UTF-8, without tabs, aliases and tags. Every value is text; quotes are needed where YAML wants them,
  as in \`"*.gov.example"\`.
- Unknown keys, duplicate keys, rules that repeat or contradict each other and clients that are never reached are mistakes.
- Relative paths start from the folder of the file.
- Durations are \`90s\`, \`10m\`, \`4h\`, \`3d\`; sizes \`500KB\`, \`25MB\`, \`1GB\`, in powers of 1024.
- Secrets never stand in the file: keys ending in \`-from\` name a file of one line. A file that holds a secret must be a
  plain file that only its owner may read (\`chmod 600\`), or it is refused.
- \`[]\` below marks each entry of a list, \`*\` each key of a map.`;

const USERS_INTRODUCTION = `## The file of \`login\`

A map of login names. Only its owner may read it.

\`\`\`yaml
anna:
  password: "scrypt$32768$8$1$..." # sealgate login hash
  addresses: [anna@example.org]
\`\`\``;

const RULES = `## Which rule wins

Settings inherit, each on its own: built-in, then \`defaults\`, then \`*.domain\` (the longest that matches last), then the
domain, then the address. The most specific one that says anything wins, also where it asks for less. Two spellings of
one recipient (case, Unicode or A-label) are one rule.

\`defaults\` is about the outside. For recipients in \`ours\` both \`sign\` and \`encrypt\` are \`never\` unless a rule in
\`rules.to\` names the recipient or its domain.

## What the settings do

| what is found                      | \`encrypt: required\`  | \`encrypt: if-possible\`                                         |
| ---------------------------------- | -------------------- | -------------------------------------------------------------- |
| a usable certificate               | encrypted            | encrypted                                                      |
| every source answered: none exists | refused, 550         | \`without-certificate\`: \`plain\` sends in clear, \`refuse\` is 550 |
| one exists and cannot be used      | refused, 550         | \`unusable\`: \`refuse\` is 550, \`plain\` sends in clear            |
| it could not be found out          | refused for now, 451 | refused for now, 451                                           |
| the message came encrypted already | refused, 550         | sent as it is                                                  |

\`required\` never goes plain: an inherited \`plain\` is overruled, and one written beside \`required\` is a mistake.

\`sign\`: the gateway signs as the author only where the author is proven. There is one From mailbox, in a domain of
\`ours\`; MAIL FROM and any Sender equal it; the message was not resent, listed or forwarded; and the client \`vouches\`. With
\`if-possible\` the message is otherwise sent unsigned, with \`required\` refused. A message that its author signed is not
signed again, and that signature, which is not checked, meets \`required\`. The null sender is never signed for.

\`trust\` names the collections that may vouch for the recipient's certificate, in the order they are asked; \`default\` is
asked only if it stands there too. It never widens what a collection's \`only-for\` allows: a rule that names a collection
for a domain that it may not vouch for is a mistake. It does not concern our own signing certificates: those are judged
by the collections for their domains and \`default\`.

Of several usable certificates one is taken: from the best source; rather one for encryption only than one that also
signs; the newest; the one that is valid longest; the lowest SHA-256. \`sealgate explain\` says why each other one lost.`;

const PROFILES = `## The built-in profiles

| profile   | RSA signature          | encrypts to                                   | content       |
| --------- | ---------------------- | --------------------------------------------- | ------------- |
| \`default\` | PKCS #1 v1.5, SHA-256  | RSA PKCS #1 v1.5, EC, X25519, X448, ML-KEM    | \`aes-256-cbc\` |
| \`modern\`  | PSS, SHA-256           | RSA OAEP SHA-256, EC, X25519, X448, ML-KEM    | \`aes-256-gcm\` |
| \`bsi\`     | PSS, SHA-256           | RSA OAEP SHA-256 from 3000 bits, EC           | \`aes-256-cbc\` |
| \`pq\`      | PSS, SHA-256           | ML-KEM-768, ML-KEM-1024 and nothing else      | \`aes-256-gcm\` |

\`default\` is what every mail program reads. Many cannot open AES-GCM (Outlook) or OAEP: choose \`modern\` only for
partners that can. EC, Ed25519, Ed448, ML-DSA and SLH-DSA keys sign as each of them does, whatever the profile. ML-KEM,
ML-DSA and SLH-DSA need Node 24; a profile or a key that the running Node cannot use is a mistake of the configuration. A
recipient whose certificate does not fit the profile has a certificate that cannot be used (\`unusable\`).

A recipient with an ML-KEM key never shares a content key with one who has another key: the message is encrypted once for
each sort. Under \`pq\` the sender signs with the key there is; \`sealgate check\` warns of those who have no ML-DSA or
SLH-DSA certificate.`;

const PLANNED = `## Not in this version

Parts of the language that a later version will have are refused by name ("not supported in this version"), never
ignored. Among the values: \`network: microsoft-365\`, \`mode: sync\`, \`without-certificate\` as \`hold\`,
\`bounce-that-one\` or a route, \`tls: dane-or-mta-sts\`, lists of identities, further names under \`routes\`, and \`SEALGATE_\` variables that override a key. The keys:`;
