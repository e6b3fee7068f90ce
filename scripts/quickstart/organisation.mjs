/**
 * A demonstration organisation, made with the openssl command line: our CA (root and issuing), two senders of ours,
 * and partners whose certificates show every outcome a rule can have. All of it is thrown away at the next run.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const DAY_MS = 86_400_000;

/** Partners of the demonstration: who they are, and what their certificate is like. */
export const PARTNERS = [
  { address: 'rita@partner.example', about: 'has an RSA certificate', key: 'rsa' },
  { address: 'erik@partner.example', about: 'has an elliptic-curve certificate', key: 'ec' },
  { address: 'nora@partner.example', about: 'has no certificate', key: null },
  { address: 'emma@partner.example', about: 'has an expired certificate', key: 'rsa', expired: true },
  {
    address: 'ugo@partner.example',
    about: 'has a certificate of a CA that nobody here trusts',
    key: 'rsa',
    untrusted: true,
  },
  { address: 'bea@bank.example', about: 'has no certificate, and the rule demands encryption', key: null },
];

export const SENDERS = [
  { address: 'anna@example.org', key: 'rsa' },
  { address: 'ben@example.org', key: 'ec' },
];

/** Makes everything below `folder`. @returns paths by address: { certificate, key } of partners */
export function makeOrganisation(folder) {
  rmSync(folder, { recursive: true, force: true });
  const ca = path.join(folder, 'ca');
  for (const name of ['ca', 'identities', 'partners', 'partner-keys', 'trust']) {
    mkdirSync(path.join(folder, name), { recursive: true, mode: 0o700 });
  }
  const root = makeRoot(ca, 'Example Root CA');
  const issuing = makeIntermediate(ca, 'Example Issuing CA', root);
  const stranger = makeRoot(ca, 'Unknown Root CA');
  writeFileSync(
    path.join(folder, 'trust', 'example-ca.pem'),
    readFileSync(root.certificate) + readFileSync(issuing.certificate),
  );

  for (const sender of SENDERS) {
    const made = makeLeaf(ca, sender.address, sender.key, issuing, { usage: 'digitalSignature' });
    const file = path.join(folder, 'identities', `${sender.address}.pem`);
    writeFileSync(file, readFileSync(made.certificate) + readFileSync(issuing.certificate) + readFileSync(made.key), {
      mode: 0o600,
    });
    chmodSync(file, 0o600);
  }
  const partners = new Map();
  for (const { address, key, expired, untrusted } of PARTNERS) {
    if (key === null) continue;
    const usage = key === 'rsa' ? 'digitalSignature,keyEncipherment' : 'digitalSignature,keyAgreement';
    const made = makeLeaf(ca, address, key, untrusted ? stranger : issuing, { usage, expired });
    writeFileSync(path.join(folder, 'partners', `${address}.pem`), readFileSync(made.certificate));
    const keyFile = path.join(folder, 'partner-keys', `${address}.pem`);
    writeFileSync(keyFile, readFileSync(made.key), { mode: 0o600 });
    partners.set(address, { certificate: path.join(folder, 'partners', `${address}.pem`), key: keyFile });
  }
  return partners;
}

function makeRoot(folder, name) {
  const files = filesFor(folder, name);
  openssl([
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-sha256',
    '-days',
    '3650',
    '-subj',
    `/O=Example/CN=${name}`,
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
    '-keyout',
    files.key,
    '-out',
    files.certificate,
  ]);
  return files;
}

function makeIntermediate(folder, name, issuer) {
  return sign(folder, name, `/O=Example/CN=${name}`, 'rsa', issuer, [
    'basicConstraints=critical,CA:TRUE,pathlen:0',
    'keyUsage=critical,keyCertSign,cRLSign',
  ]);
}

function makeLeaf(folder, address, key, issuer, { usage, expired = false }) {
  return sign(
    folder,
    address,
    `/O=Example/CN=${address.split('@')[0]}`,
    key,
    issuer,
    [
      'basicConstraints=critical,CA:FALSE',
      `keyUsage=critical,${usage}`,
      'extendedKeyUsage=emailProtection',
      `subjectAltName=email:${address}`,
    ],
    expired ? [-400, -30] : [-1, 365],
  );
}

/** Certificate for a fresh key, through `openssl ca`, the one command of every version that takes dates. */
function sign(folder, name, subject, key, issuer, extensions, [fromDays, untilDays] = [-1, 1825]) {
  const files = filesFor(folder, name);
  const newKey = key === 'rsa' ? ['-newkey', 'rsa:2048'] : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const request = `${files.key}.csr`;
  openssl(['req', '-new', ...newKey, '-nodes', '-sha256', '-subj', subject, '-keyout', files.key, '-out', request]);
  const database = path.join(folder, `${issuer.name}.db`);
  mkdirSync(database, { recursive: true });
  writeFileSync(path.join(database, 'index.txt'), '');
  writeFileSync(path.join(database, 'index.txt.attr'), 'unique_subject = no\n');
  const config = path.join(database, 'ca.cnf');
  writeFileSync(
    config,
    [
      '[ca]',
      'default_ca = this',
      '[this]',
      `database = ${slashes(path.join(database, 'index.txt'))}`,
      `new_certs_dir = ${slashes(database)}`,
      'rand_serial = yes',
      'default_md = sha256',
      'policy = any',
      'email_in_dn = no',
      'unique_subject = no',
      '[any]',
      'organizationName = optional',
      'commonName = supplied',
      '[leaf]',
      'subjectKeyIdentifier = hash',
      'authorityKeyIdentifier = keyid',
      ...extensions,
      '',
    ].join('\n'),
  );
  openssl([
    'ca',
    '-batch',
    '-notext',
    '-config',
    config,
    '-extensions',
    'leaf',
    '-in',
    request,
    '-out',
    files.certificate,
    '-cert',
    issuer.certificate,
    '-keyfile',
    issuer.key,
    '-startdate',
    stamp(fromDays),
    '-enddate',
    stamp(untilDays),
  ]);
  return files;
}

function filesFor(folder, name) {
  const stem = path.join(folder, name.replace(/[^A-Za-z0-9@.]+/g, '-').toLowerCase());
  return { name: path.basename(stem), certificate: `${stem}.crt.pem`, key: `${stem}.key.pem` };
}

/** `YYYYMMDDHHMMSSZ` so many days from now. */
function stamp(days) {
  const date = new Date(Date.now() + days * DAY_MS);
  return date.toISOString().replace(/[-:T]|\.\d+/g, '');
}

/** openssl.cnf reads backslashes as escapes. */
function slashes(file) {
  return file.replaceAll('\\', '/');
}

function openssl(args) {
  execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
}
