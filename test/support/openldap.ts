/**
 * A private OpenLDAP server for tests: own folder, schema and data, a free port of 127.0.0.1, stopped by its pid.
 *
 * Its schema is that of the distribution plus proxyAddresses; `plainCertificates` makes userCertificate an octet
 * string, as in Active Directory, so that it is stored and returned without `;binary`.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Context } from 'mocha';
import { skipOrFail } from './vectors.ts';

const SLAPD = '/usr/sbin/slapd';
const SLAPADD = '/usr/sbin/slapadd';
const SCHEMA = '/etc/ldap/schema';
const MODULES = '/usr/lib/ldap';

const START_TRIES = 200;
const START_PAUSE_MS = 25;

export const OPENLDAP_BASE = 'dc=partner,dc=example';
export const OPENLDAP_BIND = { dn: `cn=admin,${OPENLDAP_BASE}`, password: 'admin of a test' } as const;

export interface OpenLdapOptions {
  readonly people: readonly Person[];
  /** Where CRLs and certificates of authorities are. */
  readonly authorities?: readonly Authority[];
  /** Server certificate and key, PEM: StartTLS and an ldaps port as well. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  readonly plainCertificates?: boolean;
  /** Refuse everything in clear but StartTLS. */
  readonly tlsNeeded?: boolean;
  /** Refuse everything to who is not bound. */
  readonly bindNeeded?: boolean;
  /** Entries returned at most; the server then says sizeLimitExceeded. */
  readonly sizeLimit?: number;
}

export interface Person {
  /** CN and RDN: letters, digits and spaces. */
  readonly name: string;
  readonly mail?: string;
  /** Such as `SMTP:bob@partner.example`. */
  readonly proxyAddresses?: readonly string[];
  readonly userCertificate?: readonly Buffer[];
  readonly userSmimeCertificate?: readonly Buffer[];
}

/** An entry of cRLDistributionPoint (RFC 4523 §3.5) and pkiCA. */
export interface Authority {
  /** CN and RDN: letters, digits and spaces. */
  readonly name: string;
  readonly certificateRevocationList?: readonly Buffer[];
  readonly authorityRevocationList?: readonly Buffer[];
  readonly deltaRevocationList?: readonly Buffer[];
  readonly cACertificate?: readonly Buffer[];
}

/** Skips the running test where the server is not installed; with CI set that is a failure. */
export function needOpenLdap(test: Context): void {
  if (!existsSync(SLAPD) || !existsSync(SLAPADD)) skipOrFail(test, `no ${SLAPD}: install slapd`);
}

/** Call {@link needOpenLdap} first; stop what this returns. */
export async function startOpenLdap(options: OpenLdapOptions): Promise<OpenLdap> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sealgate-openldap-'));
  mkdirSync(path.join(folder, 'db'));
  writeFileSync(path.join(folder, 'slapd.conf'), slapdConfiguration(folder, options));
  writeFileSync(path.join(folder, 'data.ldif'), ldif(options));
  const arguments_ = ['-q', '-f', path.join(folder, 'slapd.conf'), '-l', path.join(folder, 'data.ldif')];
  execFileSync(SLAPADD, arguments_, { stdio: ['ignore', 'ignore', 'inherit'] });
  const server = new OpenLdap(folder, await freePort(), options.tls === undefined ? null : await freePort());
  await server.start();
  return server;
}

export class OpenLdap {
  readonly url: string;
  /** null without TLS. */
  readonly tlsUrl: string | null;
  readonly #folder: string;
  readonly #port: number;
  #child: ChildProcess | null = null;

  /** @internal use {@link startOpenLdap} */
  constructor(folder: string, port: number, tlsPort: number | null) {
    this.#folder = folder;
    this.#port = port;
    this.url = `ldap://127.0.0.1:${port}`;
    this.tlsUrl = tlsPort === null ? null : `ldaps://127.0.0.1:${tlsPort}`;
  }

  /** Starts it, or starts it again on the same port with the same data. */
  async start(): Promise<void> {
    const urls = this.tlsUrl === null ? `${this.url}/` : `${this.url}/ ${this.tlsUrl}/`;
    // -d keeps it in the foreground, so that it is a child to be waited for
    const child = spawn(SLAPD, ['-d', '0', '-h', urls, '-f', path.join(this.#folder, 'slapd.conf')], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#child = child;
    for (let i = 0; i < START_TRIES; i += 1) {
      if (child.exitCode !== null) throw new Error(`slapd ended with ${child.exitCode}`);
      if (await answers(this.#port)) return;
      await new Promise((resolve) => setTimeout(resolve, START_PAUSE_MS));
    }
    throw new Error('slapd did not start');
  }

  /** SIGKILL, waited for; the folder stays for another start. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** It keeps its sockets and answers nothing. Returns when every thread stands still, which a signal takes its time for. */
  async freeze(): Promise<void> {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('slapd is not running');
    this.#child?.kill('SIGSTOP');
    const tasks = `/proc/${pid}/task`;
    const isStopped = (task: string): boolean => /\) T /.test(readFileSync(`${tasks}/${task}/stat`, 'latin1'));
    while (!readdirSync(tasks).every(isStopped)) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function slapdConfiguration(folder: string, options: OpenLdapOptions): string {
  const lines = [
    `include ${options.plainCertificates ? plainCoreSchema(folder) : `${SCHEMA}/core.schema`}`,
    `include ${SCHEMA}/cosine.schema`,
    `include ${SCHEMA}/inetorgperson.schema`,
    "attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch",
    '  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )',
    "objectclass ( 1.3.6.1.4.1.32473.1.1 NAME 'testRecipient' SUP top AUXILIARY MAY proxyAddresses )",
    `modulepath ${MODULES}`,
    'moduleload back_mdb',
    `pidfile ${folder}/slapd.pid`,
  ];
  if (options.tls !== undefined) {
    const certificate = path.join(folder, 'server.pem');
    const key = path.join(folder, 'server-private.pem');
    writeFileSync(certificate, options.tls.certificate);
    writeFileSync(key, options.tls.key, { mode: 0o600 });
    lines.push(`TLSCertificateFile ${certificate}`, `TLSCertificateKeyFile ${key}`);
  }
  if (options.sizeLimit !== undefined) lines.push(`sizelimit ${options.sizeLimit}`);
  if (options.tlsNeeded) lines.push('security ssf=128');
  if (options.bindNeeded) lines.push('require authc');
  lines.push(
    'database mdb',
    `directory ${folder}/db`,
    'maxsize 268435456',
    `suffix "${OPENLDAP_BASE}"`,
    `rootdn "${OPENLDAP_BIND.dn}"`,
    `rootpw "${OPENLDAP_BIND.password}"`,
    'index objectClass eq',
    'index mail,proxyAddresses eq',
  );
  return `${lines.join('\n')}\n`;
}

/** core.schema with userCertificate as an octet string. */
function plainCoreSchema(folder: string): string {
  const core = readFileSync(`${SCHEMA}/core.schema`, 'utf8');
  const plain = core.replace(
    /attributetype \( 2\.5\.4\.36 NAME 'userCertificate'[\s\S]*?\n\n/,
    "attributetype ( 2.5.4.36 NAME 'userCertificate' EQUALITY octetStringMatch\n" +
      '\tSYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )\n\n',
  );
  if (plain === core) throw new Error('core.schema has no userCertificate where it was expected');
  const file = path.join(folder, 'core.schema');
  writeFileSync(file, plain);
  return file;
}

function ldif({ people, authorities = [], plainCertificates }: OpenLdapOptions): string {
  const records = [`dn: ${OPENLDAP_BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: partner\no: Partner\n`];
  for (const person of people) {
    const lines = [
      `dn: cn=${person.name},${OPENLDAP_BASE}`,
      'objectClass: inetOrgPerson',
      'objectClass: testRecipient',
      `cn: ${person.name}`,
      `sn: ${person.name}`,
    ];
    if (person.mail !== undefined) lines.push(`mail:: ${Buffer.from(person.mail).toString('base64')}`);
    for (const one of person.proxyAddresses ?? []) {
      lines.push(`proxyAddresses:: ${Buffer.from(one).toString('base64')}`);
    }
    const attribute = plainCertificates ? 'userCertificate' : 'userCertificate;binary';
    for (const one of person.userCertificate ?? []) lines.push(`${attribute}:: ${one.toString('base64')}`);
    for (const one of person.userSmimeCertificate ?? []) {
      lines.push(`userSMIMECertificate:: ${one.toString('base64')}`);
    }
    records.push(`${lines.join('\n')}\n`);
  }
  for (const authority of authorities) records.push(authorityRecord(authority));
  return records.join('\n');
}

function authorityRecord({ name, ...attributes }: Authority): string {
  const lines = [`dn: cn=${name},${OPENLDAP_BASE}`, 'objectClass: cRLDistributionPoint', `cn: ${name}`];
  if (attributes.cACertificate !== undefined) lines.splice(2, 0, 'objectClass: pkiCA');
  for (const [attribute, values] of Object.entries(attributes)) {
    for (const one of values ?? []) lines.push(`${attribute};binary:: ${one.toString('base64')}`);
  }
  return `${lines.join('\n')}\n`;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
