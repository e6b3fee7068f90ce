/**
 * Thunderbird as a peer: headless, with a profile of its own, asked over Marionette. What its scripts reach is decryption
 * (nsICMSDecoderJS), so that is what is asked. Nothing goes out: every service that looks something up is off.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { MadeCertificate } from '../../support/certificate-builder.ts';
import { type Answer, Bench, noPkcs12, type Peer, refused } from './peer.ts';

const PREFERENCES = {
  'marionette.port': 0,
  'app.update.enabled': false,
  'app.update.disabledForTesting': true,
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.server': '',
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'extensions.blocklist.enabled': false,
  'extensions.update.enabled': false,
  'services.settings.server': 'data:,',
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'mail.provider.enabled': false,
  'mail.rights.version': 1,
  'security.OCSP.enabled': 0,
};

const SCRIPT = `const [base64, done] = arguments;
try {
  const decoder = Cc["@mozilla.org/nsCMSDecoderJS;1"].createInstance(Ci.nsICMSDecoderJS);
  const bytes = Array.from(atob(base64), c => c.charCodeAt(0));
  const out = decoder.decrypt(bytes);
  let text = ""; for (const o of out) text += String.fromCharCode(o);
  done({ ok: true, text: btoa(text) });
} catch (e) { done({ ok: false, words: String(e.message || e) }); }`;

export class ThunderbirdPeer implements Peer {
  readonly name = 'Thunderbird';
  private readonly bench = new Bench();
  private readonly profile = path.join(this.bench.folder, 'profile');
  private readonly keys: readonly MadeCertificate[];
  private readonly problems = new Map<string, string>();
  private child: ChildProcess | null = null;
  private socket: Socket | null = null;
  private answers: AsyncIterator<unknown> | null = null;
  private asked = 0;
  private release: string | null = null;

  /** @param keys of recipients: the profile is filled before the program starts */
  private constructor(keys: readonly MadeCertificate[]) {
    this.keys = keys;
  }

  static async start(keys: readonly MadeCertificate[]): Promise<ThunderbirdPeer> {
    const peer = new ThunderbirdPeer(keys);
    const { ok, out } = peer.bench.run('thunderbird', ['--version']);
    if (!ok) return peer;
    peer.release = /\d[\d.]*/.exec(out.toString())?.[0] ?? '';
    peer.makeProfile();
    await peer.launch();
    return peer;
  }

  version(): string | null {
    return this.release;
  }

  async decrypt(object: Buffer, recipient: MadeCertificate): Promise<Answer> {
    const problem = this.problems.get(recipient.certificate.sha256);
    if (problem !== undefined) return refused(problem);
    const args = { script: SCRIPT, args: [object.toString('base64')], newSandbox: true };
    const { value } = (await this.command('WebDriver:ExecuteAsyncScript', args)) as {
      value: { ok: boolean; text?: string; words?: string };
    };
    if (!value.ok) return refused(value.words ?? 'no answer');
    const octets = Buffer.from(value.text ?? '', 'base64');
    return octets.length === 0 ? refused('nsICMSDecoderJS.decrypt gives 0 octets') : { ok: true, octets };
  }

  close(): void {
    this.socket?.destroy();
    this.child?.kill('SIGKILL');
    this.bench.remove();
  }

  private makeProfile(): void {
    mkdirSync(this.profile);
    const lines = Object.entries(PREFERENCES).map(
      ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`,
    );
    writeFileSync(path.join(this.profile, 'user.js'), lines.join(''));
    const database = `sql:${this.profile}`;
    this.bench.run('certutil', ['-N', '-d', database, '--empty-password']);
    for (const made of this.keys) {
      const file = this.bench.fresh('p12');
      const own = ['-in', this.bench.put(made.pem), '-inkey', this.bench.put(made.keyPem), '-name', 'key'];
      const made12 = this.bench.run('openssl', ['pkcs12', '-export', ...own, '-out', file, '-passout', 'pass:x']);
      if (!made12.ok) {
        this.problems.set(made.certificate.sha256, noPkcs12(made12.words));
        continue;
      }
      const { ok, words } = this.bench.run('pk12util', ['-i', file, '-d', database, '-W', 'x', '-K', '']);
      if (!ok) this.problems.set(made.certificate.sha256, `import (pk12util): ${words}`);
    }
  }

  private async launch(): Promise<void> {
    const args = [
      '--headless',
      '--no-remote',
      '--profile',
      this.profile,
      '--marionette',
      '--remote-allow-system-access',
    ];
    const environment = { ...process.env, MOZ_HEADLESS: '1', HOME: this.bench.folder };
    this.child = spawn('thunderbird', args, { stdio: 'ignore', env: environment });
    const portFile = path.join(this.profile, 'MarionetteActivePort');
    for (let tries = 0; !existsSync(portFile); tries++) {
      if (tries > 300) throw new Error('Thunderbird did not come up');
      await wait(100);
    }
    await wait(200);
    this.socket = connect(Number(readFileSync(portFile, 'latin1')), '127.0.0.1');
    this.answers = frames(this.socket);
    await this.answers.next();
    await this.command('WebDriver:NewSession', {});
    await this.command('Marionette:SetContext', { value: 'chrome' });
  }

  private async command(name: string, parameters: object): Promise<unknown> {
    const text = JSON.stringify([0, ++this.asked, name, parameters]);
    this.socket?.write(`${Buffer.byteLength(text)}:${text}`);
    const answer = await this.answers?.next();
    const frame: unknown = answer?.value;
    if (!Array.isArray(frame)) throw new Error('Thunderbird went away');
    const [, , problem, result] = frame as unknown[];
    if (problem !== null) throw new Error(JSON.stringify(problem));
    return result;
  }
}

/** Frames `length:JSON`. */
async function* frames(socket: Socket): AsyncGenerator<unknown, void, undefined> {
  let held = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      const colon = held.indexOf(':');
      const length = colon === -1 ? Number.NaN : Number(held.toString('latin1', 0, colon));
      if (colon === -1 || held.length < colon + 1 + length) break;
      yield JSON.parse(held.toString('utf8', colon + 1, colon + 1 + length));
      held = held.subarray(colon + 1 + length);
    }
  }
}
