/** One measurement of large messages: through a gateway process of its own, opened by openssl at the other end. */
import { GatewayHouse } from '../../support/gateway-house.ts';
import { LargeMail } from './large-mail.ts';
import { startNextHop } from './next-hop.ts';
import { OpensslTaker } from './openssl-taker.ts';
import { cpuSeconds, folderOctets, peakRss, residentSet, watchPeak } from './process-figures.ts';
import { SubmittingClient } from './submitting-client.ts';

const RECIPIENT = 'rita@partner.example';

export interface LargeFigures {
  readonly octets: number;
  readonly sessions: number;
  readonly restRss: number;
  readonly peakRss: number;
  /** Wall time of all sessions, from the connection to the 250, and until the next hop has everything. */
  readonly acceptSeconds: number;
  readonly totalSeconds: number;
  /** CPU of the gateway alone. */
  readonly acceptCpu: number;
  readonly totalCpu: number;
  readonly spoolPeak: number;
  readonly wireOctets: number;
  /** Messages that openssl opened to exactly what was sent. */
  readonly intact: number;
}

/** Sends `sessions` messages of that size at the same time through a fresh gateway. */
export async function measureLarge(octets: number, sessions = 1): Promise<LargeFigures> {
  const takers: OpensslTaker[] = [];
  let house: GatewayHouse | null = null;
  const hop = await startNextHop({
    open: () => {
      if (house === null) throw new Error('mail before the house stands');
      const taker = new OpensslTaker(house, RECIPIENT);
      takers.push(taker);
      return taker;
    },
  });
  house = await GatewayHouse.open({ nextHopPort: hop.port, extra: 'limits: { message: 2GB }' });
  try {
    return await measure(house, takers, octets, sessions);
  } finally {
    await house.close();
    await hop.close();
  }
}

async function measure(
  house: GatewayHouse,
  takers: readonly OpensslTaker[],
  octets: number,
  sessions: number,
): Promise<LargeFigures> {
  const { pid, spool } = house;
  const restRss = residentSet(pid);
  const cpu = cpuSeconds(pid);
  const spoolWatch = watchPeak(() => folderOctets(spool), 100);
  const began = performance.now();
  const mails = Array.from({ length: sessions }, () => new LargeMail(RECIPIENT, octets));
  await Promise.all(mails.map((mail) => submitOne(house.port, mail)));
  const acceptSeconds = (performance.now() - began) / 1000;
  const acceptCpu = cpuSeconds(pid) - cpu;
  await house.drained(600_000);
  const figures = {
    octets: mails.reduce((sum, mail) => sum + mail.octets, 0),
    sessions,
    restRss,
    peakRss: peakRss(pid),
    acceptSeconds,
    totalSeconds: (performance.now() - began) / 1000,
    acceptCpu,
    totalCpu: cpuSeconds(pid) - cpu,
    spoolPeak: spoolWatch.stop(),
    wireOctets: takers.reduce((sum, taker) => sum + taker.octets, 0),
  };
  const sent = new Set(mails.map((mail) => mail.digest));
  let intact = 0;
  for (const taker of takers) if (sent.delete(await taker.opened)) intact += 1;
  return { ...figures, intact };
}

async function submitOne(port: number, mail: LargeMail): Promise<void> {
  const client = await SubmittingClient.open(port);
  const { data, rcpt } = await client.submit('anna@example.org', [RECIPIENT], mail.send());
  if (data === null || !data.startsWith('250')) throw new Error(`not taken: ${rcpt.join()} ${data}`);
  await client.close();
}
