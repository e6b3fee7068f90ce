/**
 * The demonstration: starts the gateway with the demonstration organisation, sends real messages through it, says what
 * was decided and why, and opens the results with openssl as the partner would.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import nodemailer from 'nodemailer';
import { openMailbox } from './mailbox.mjs';
import { makeOrganisation, PARTNERS } from './organisation.mjs';

const GATEWAY_PORT = 2525;
const MAILBOX_PORT = 2526;
const WAIT_MS = 30_000;

/** @returns the exit code */
export async function demonstrate({ root, once }) {
  const folder = path.join(root, 'var', 'quickstart');
  rmSync(folder, { recursive: true, force: true });
  say('Making the demonstration organisation: root CA, issuing CA, two senders, six partners');
  const partners = makeOrganisation(path.join(folder, 'certs'));
  const mailbox = await openMailbox(path.join(folder, 'mailbox'), MAILBOX_PORT);
  const port = await freePort(GATEWAY_PORT);
  sayPort('gateway', GATEWAY_PORT, port);
  sayPort('partner mailbox', MAILBOX_PORT, mailbox.port);
  const house = { root, folder, port, mailbox, partners, cli: path.join(root, 'out/src/cli/sealgate.js') };
  house.config = writeConfiguration(house);
  const gateway = startGateway(house);
  try {
    await gateway.ready;
    say(`The gateway runs: SMTP on 127.0.0.1:${port}, configuration ${relative(house, house.config)}`);
    const good = await showAll(house);
    if (once) return finish(good);
    sayNext(house);
    await untilInterrupted(gateway);
    return good ? 0 : 1;
  } catch (error) {
    console.error(`quickstart: ${error.message}`);
    return 1;
  } finally {
    await gateway.stop();
    await mailbox.close();
  }
}

function finish(good) {
  say(good ? 'All of it went as it should.' : 'Something did not go as it should: see above.');
  return good ? 0 : 1;
}

async function showAll(house) {
  let good = true;
  for (const partner of PARTNERS) {
    heading(`${partner.address} ${partner.about}`);
    console.log(indent(explain(house, partner.address)));
    if (!(await sendAndOpen(house, partner))) good = false;
  }
  return good;
}

/** Sends one message to one partner and checks that what comes out is what the decision said. */
async function sendAndOpen(house, partner) {
  const from = partner.key === 'ec' ? 'ben@example.org' : 'anna@example.org';
  const message = messageFor(from, partner.address);
  const refused = partner.expired || partner.untrusted || partner.address.endsWith('@bank.example');
  const transport = nodemailer.createTransport({ host: '127.0.0.1', port: house.port, ignoreTLS: true });
  try {
    const { response } = await transport.sendMail({ envelope: { from, to: partner.address }, raw: message });
    console.log(`  SMTP answer   ${response}`);
    if (refused) return fail('it should have been refused');
  } catch (error) {
    console.log(`  SMTP answer   ${error.response ?? error.message}`);
    if (!refused) return fail('it should have been accepted');
    if (house.mailbox.has(partner.address)) return fail('and yet it arrived');
    console.log('  so            the sender is told by their own mail server; nothing was stored, nothing left');
    return true;
  } finally {
    transport.close();
  }
  const file = await house.mailbox.waitFor(partner.address, WAIT_MS);
  console.log(`  arrived       ${relative(house, file)}`);
  return openResult(house, partner, file, message);
}

/** Opens the message with openssl alone and compares it with what was sent. */
function openResult(house, { address, key }, file, message) {
  let signed = file;
  if (key !== null) {
    const { certificate, key: keyFile } = house.partners.get(address);
    signed = `${file}.decrypted`;
    const decrypt = ['cms', '-decrypt', '-in', file, '-recip', certificate, '-inkey', keyFile, '-out', signed];
    if (!openssl(house, decrypt, 'decrypted')) return false;
  }
  const content = `${file}.content`;
  const ca = path.join(house.folder, 'certs', 'trust', 'example-ca.pem');
  if (!openssl(house, ['cms', '-verify', '-in', signed, '-CAfile', ca, '-out', content], 'verified')) return false;
  const original = entityOf(Buffer.from(message));
  const same = readFileSync(content).equals(original);
  console.log(
    `  compared      ${same ? 'the protected content equals the original' : 'the content DIFFERS from the original'}`,
  );
  return same;
}

/** Content-* fields and body of a message: the part of it that S/MIME protects (RFC 8551 section 3.1). */
function entityOf(message) {
  const text = message.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const fields = text.slice(0, end).split(/\r\n(?![ \t])/);
  const content = fields.filter((field) => /^content-/i.test(field));
  return Buffer.from(`${content.join('\r\n')}\r\n\r\n${text.slice(end + 4)}`, 'latin1');
}

function openssl(house, args, what) {
  const shown = args.map((arg) => (arg.startsWith(house.root) ? relative(house, arg) : arg)).join(' ');
  const result = spawnSync('openssl', args, { encoding: 'utf8' });
  const detail = result.stderr.trim().split('\n').pop();
  console.log(`  $ openssl ${shown}`);
  console.log(`  openssl says  ${result.status === 0 ? what : `NOT ${what}`}${detail ? `: ${detail}` : ''}`);
  return result.status === 0;
}

function fail(problem) {
  console.log(`  WRONG         ${problem}`);
  return false;
}

function messageFor(from, to) {
  return [
    `From: <${from}>`,
    `To: <${to}>`,
    'Subject: Offer for next year',
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${Date.now()}.${to.replace('@', '.')}@example.org>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'Good morning,',
    '',
    'here is the offer we spoke of: 12 crates at 480 each, delivered in March.',
    'Please keep the price between us.',
    '',
  ].join('\r\n');
}

function explain(house, to) {
  const from = to.startsWith('erik') ? 'ben@example.org' : 'anna@example.org';
  return execFileSync(
    process.execPath,
    [house.cli, 'explain', '--config', relative(house, house.config), '--from', from, '--to', to],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  ).trimEnd();
}

function writeConfiguration(house) {
  const file = path.join(house.folder, 'sealgate.yaml');
  writeFileSync(
    file,
    `# Made by npm run quickstart; config/sealgate.yaml explains every line.
hostname: gw.example.org
ours: [example.org]
listen:
  - address: 127.0.0.1:${house.port}
    clients:
      - network: 127.0.0.0/8
        vouches: always
trust:
  default: certs/trust
identities: certs/identities
directory:
  - folder: certs/partners
defaults: { sign: if-possible, encrypt: if-possible, without-certificate: plain, unusable: refuse, profile: default }
rules:
  to:
    bank.example: { encrypt: required }
routes:
  internal: { host: "127.0.0.1:${house.mailbox.port}", tls: none }
  outside: { host: "127.0.0.1:${house.mailbox.port}", tls: none }
queue: { folder: spool, key: keys/spool.key }
`,
  );
  return file;
}

function startGateway(house) {
  const child = spawn(process.execPath, [house.cli, 'start', '--config', house.config], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = [];
  const file = logFile(house);
  writeFileSync(file, '');
  const socket = path.join(house.folder, 'spool', 'control.sock');
  // written at once: whoever tries something looks into it while the gateway runs
  const keep = (chunk) => {
    log.push(chunk.toString());
    appendFileSync(file, chunk);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const ready = (async () => {
    for (let waited = 0; waited < WAIT_MS; waited += 100) {
      if (child.exitCode !== null) throw new Error(`the gateway stopped:\n${log.join('')}`);
      if (existsSync(socket) && (await answers(house.port))) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the gateway did not start:\n${log.join('')}`);
  })();
  ready.catch(() => {});
  return {
    ready,
    ended,
    async stop() {
      if (child.exitCode === null) child.kill('SIGTERM');
      await ended;
    },
  };
}

function logFile(house) {
  return path.join(house.folder, 'gateway.log');
}

async function answers(port) {
  const transport = nodemailer.createTransport({ host: '127.0.0.1', port, ignoreTLS: true });
  return transport
    .verify()
    .then(
      () => true,
      () => false,
    )
    .finally(() => transport.close());
}

/** The preferred port of 127.0.0.1 when nobody listens there, else one the system chooses. */
function freePort(preferred) {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => {
      if (error.code === 'EADDRINUSE' && preferred !== 0) resolve(freePort(0));
      else reject(error);
    });
    probe.listen(preferred, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function untilInterrupted(gateway) {
  return new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
    gateway.ended.then(resolve);
  });
}

function sayNext(house) {
  const config = relative(house, house.config);
  heading('It stays running: try it (Ctrl-C ends)');
  console.log(
    `  swaks --server 127.0.0.1:${house.port} --from anna@example.org --to rita@partner.example --header 'Subject: hello'`,
  );
  console.log(
    `  or a mail client: outgoing server 127.0.0.1, port ${house.port}, no encryption, sender anna@example.org`,
  );
  console.log(
    `  why?            node out/src/cli/sealgate.js explain --config ${config} --from anna@example.org --to rita@partner.example`,
  );
  console.log(`  queue           node out/src/cli/sealgate.js queue list --config ${config}`);
  console.log('  paths');
  console.log(`    configuration ${config}`);
  console.log(`    certificates  ${relative(house, path.join(house.folder, 'certs'))}`);
  console.log(`    queue         ${relative(house, path.join(house.folder, 'spool'))}`);
  console.log(`    what arrived  ${relative(house, path.join(house.folder, 'mailbox'))}`);
  console.log(`    log           ${relative(house, logFile(house))}`);
}

function sayPort(what, preferred, port) {
  if (port !== preferred) say(`Port ${preferred} is in use: the ${what} listens on ${port}`);
}

function say(text) {
  console.log(text);
}

function heading(text) {
  console.log(`\n== ${text}`);
}

function indent(text) {
  return text.replace(/^/gm, '  ');
}

function relative(house, file) {
  return path.relative(house.root, file);
}
