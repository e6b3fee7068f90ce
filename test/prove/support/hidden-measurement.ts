/**
 * One measurement of hidden recipients: one message, many who must not learn of each other, through a gateway process
 * of its own. Every copy is looked through for other recipients; some are opened by openssl.
 */
import { GatewayHouse } from '../../support/gateway-house.ts';
import { LargeMail } from './large-mail.ts';
import { type HopEnvelope, type MailTaker, startNextHop } from './next-hop.ts';
import { OpensslTaker } from './openssl-taker.ts';
import { cpuSeconds, folderOctets, peakRss, watchPeak } from './process-figures.ts';
import { SubmittingClient } from './submitting-client.ts';

export interface HiddenFigures {
  readonly recipients: number;
  /** Octets of the message as submitted, and of the largest copy on the wire. */
  readonly octets: number;
  readonly wireOctets: number;
  readonly copies: number;
  readonly peakRss: number;
  /** Of the gateway, from MAIL to the 250. */
  readonly acceptCpu: number;
  readonly acceptSeconds: number;
  readonly totalCpu: number;
  readonly totalSeconds: number;
  readonly spoolPeak: number;
  /** Copies in which something names another recipient, and copies that openssl could not open; empty when all is well. */
  readonly faults: readonly string[];
  readonly opened: number;
}

/** Everything before the ciphertext fits: the header and the RecipientInfos of one recipient. */
const HEAD_OCTETS = 8192;
const OPENED_MAX = 5;
const VISIBLE = 'list@example.org';

/** @param octets of the message; @param recipients all hidden */
export async function measureHidden(octets: number, recipients: number): Promise<HiddenFigures> {
  const names = Array.from({ length: recipients }, (_, i) => `hidden-${i}@partner.example`);
  const copies: CopyTaker[] = [];
  let house: GatewayHouse | null = null;
  const hop = await startNextHop({
    open: (envelope) => {
      if (house === null) throw new Error('mail before the house stands');
      const taker = new CopyTaker(envelope, copies.length < OPENED_MAX ? house : null);
      copies.push(taker);
      return taker;
    },
  });
  house = await GatewayHouse.open({
    nextHopPort: hop.port,
    partners: Object.fromEntries(names.map((name) => [name, 'rsa-2048'])),
    extra: 'limits: { message: 100MB }',
  });
  try {
    return await measure(house, names, copies, octets);
  } finally {
    await house.close();
    await hop.close();
  }
}

async function measure(
  house: GatewayHouse,
  names: readonly string[],
  copies: readonly CopyTaker[],
  octets: number,
): Promise<HiddenFigures> {
  const { pid, spool } = house;
  const cpu = cpuSeconds(pid);
  const spoolWatch = watchPeak(() => folderOctets(spool), 50);
  const began = performance.now();
  const mail = new LargeMail(VISIBLE, octets);
  const client = await SubmittingClient.open(house.port);
  const { data, rcpt } = await client.submit('anna@example.org', names, mail.send());
  const acceptSeconds = (performance.now() - began) / 1000;
  const acceptCpu = cpuSeconds(pid) - cpu;
  const refused = rcpt.find((line) => !line.startsWith('250'));
  if (refused !== undefined || !data?.startsWith('250')) throw new Error(`not taken: ${refused ?? data}`);
  await client.close();
  await house.drained(600_000);
  const figures = {
    recipients: names.length,
    octets: mail.octets,
    wireOctets: Math.max(...copies.map((copy) => copy.octets)),
    copies: copies.length,
    peakRss: peakRss(pid),
    acceptCpu,
    acceptSeconds,
    totalCpu: cpuSeconds(pid) - cpu,
    totalSeconds: (performance.now() - began) / 1000,
    spoolPeak: spoolWatch.stop(),
  };
  const { faults, opened } = await findFaults(house, names, copies, mail.digest);
  return { ...figures, faults, opened };
}

async function findFaults(
  house: GatewayHouse,
  names: readonly string[],
  copies: readonly CopyTaker[],
  digest: string,
): Promise<{ faults: string[]; opened: number }> {
  const faults: string[] = [];
  let opened = 0;
  const missing = new Set(names);
  for (const copy of copies) {
    const [to = ''] = copy.envelope.to;
    if (copy.envelope.to.length !== 1 || !missing.delete(to)) faults.push(`envelope ${copy.envelope.to.join()}`);
    for (const name of copy.namesFound(house, names)) if (name !== to) faults.push(`${name} in the copy for ${to}`);
    if (!copy.namesFound(house, [to]).includes(to)) faults.push(`copy for ${to} is not encrypted to ${to}`);
    if (copy.openssl === null) continue;
    if ((await copy.openssl.opened) === digest) opened += 1;
    else faults.push(`copy for ${to} is not what was sent`);
  }
  for (const name of missing) faults.push(`no copy for ${name}`);
  return { faults, opened };
}

/** Keeps the head of a copy, counts the rest. */
class CopyTaker implements MailTaker {
  octets = 0;
  readonly envelope: HopEnvelope;
  readonly openssl: OpensslTaker | null;
  readonly #head: Buffer[] = [];

  constructor(envelope: HopEnvelope, house: GatewayHouse | null) {
    this.envelope = envelope;
    this.openssl = house === null ? null : new OpensslTaker(house, envelope.to[0] ?? '');
  }

  async take(octets: Buffer): Promise<void> {
    if (this.octets < HEAD_OCTETS) this.#head.push(Buffer.from(octets.subarray(0, HEAD_OCTETS)));
    this.octets += octets.length;
    await this.openssl?.take(octets);
  }

  end(): void {
    this.openssl?.end();
  }

  lost(): void {
    this.openssl?.lost();
  }

  /** Those of `names` whose address is in the header or whose certificate a RecipientInfo names. */
  namesFound(house: GatewayHouse, names: readonly string[]): string[] {
    const text = Buffer.concat(this.#head).toString('latin1');
    const border = text.indexOf('\r\n\r\n');
    const header = text.slice(0, border);
    const cms = Buffer.from(text.slice(border + 4, HEAD_OCTETS), 'base64');
    return names.filter((name) => {
      const certificate = house.partners.get(name)?.certificate;
      // 16 random octets; the keys are shared among the partners
      return header.includes(name) || (certificate !== undefined && cms.includes(certificate.serial));
    });
  }
}
