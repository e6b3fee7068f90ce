/**
 * Postfix before and behind the gateway: 2,000 messages, every hard one among them, and not one lost, doubled or altered.
 *
 * Sends by submission with a login as config/postfix says, waits until all queues are empty, opens what arrived with
 * openssl and compares it with what the first Postfix handed to the gateway. Prints how many recipients got what, who
 * was refused and why, and the time. Exit 1 on any deviation. `npm run prove -- postfix [messages]`; needs root.
 */
import { existsSync } from 'node:fs';
import { hardMail } from '../support/hard-mail.ts';
import { noise } from '../support/mail-parts.ts';
import { postfixMissing } from '../support/postfix.ts';
import { PostfixTrial, type TrialReport } from '../support/postfix-trial.ts';
import { AUDIENCES, dailyMail, type TrialLetter, trialLetter } from '../support/trial-letters.ts';
import { vectorsPath } from '../support/vectors.ts';

const LETTERS = Number(process.argv[2] ?? 2000);
/** Audiences of the hard mail; the last has several recipients and a Bcc. */
const [ENCRYPTED, SIGNED, CLEAR, SEVERAL] = AUDIENCES;
const SMALLEST = 4096;
const LARGEST = 1_000_000;
const DRAIN_MS = 8 * 60_000;

function* allLetters(): Generator<TrialLetter> {
  let number = 0;
  for (const [index, mail] of hardMail(vectorsPath()).entries()) {
    // each encrypted, each signed only, every second as it came
    const chosen = index % 2 === 0 ? [ENCRYPTED, SIGNED] : [SEVERAL, SIGNED, CLEAR];
    for (const audience of chosen) if (audience !== undefined) yield trialLetter(++number, mail, audience);
  }
  while (number < LETTERS) {
    const seed = ++number;
    const share = noise(seed, 4).readUInt32LE() / 2 ** 32;
    const audience = AUDIENCES[seed % AUDIENCES.length];
    // as many between 4 and 8 KB as between 512 KB and 1 MB
    const octets = Math.round(SMALLEST * (LARGEST / SMALLEST) ** share);
    if (audience !== undefined) yield trialLetter(seed, dailyMail(seed, octets), audience);
  }
}

async function main(): Promise<number> {
  const missing = postfixMissing() ?? (existsSync(vectorsPath()) ? null : `no test vectors at ${vectorsPath()}`);
  if (missing !== null) {
    console.error(missing);
    return 1;
  }
  const trial = await PostfixTrial.open();
  try {
    let letters = 0;
    let recipients = 0;
    let octets = 0;
    const start = Date.now();
    const batch: TrialLetter[] = [];
    const flush = async (): Promise<void> => {
      await trial.send(batch.splice(0));
    };
    for (const letter of allLetters()) {
      letters += 1;
      recipients += letter.recipients.size;
      octets += letter.message.length;
      batch.push(letter);
      if (batch.length === 200) await flush();
    }
    await flush();
    const sent = Date.now();
    await trial.drained(DRAIN_MS);
    const drained = Date.now();
    const report = await trial.judge();
    const judged = Date.now();
    const seconds = (from: number, to: number): string => `${((to - from) / 1000).toFixed(1)} s`;
    console.log(`${letters} messages, ${recipients} recipients, ${(octets / 1e6).toFixed(0)} MB`);
    print(report);
    console.log(`submitted in ${seconds(start, sent)}, delivered in ${seconds(start, drained)}`);
    console.log(
      `${((letters * 1000) / (drained - start)).toFixed(1)} messages/s; judged in ${seconds(drained, judged)}`,
    );
    return report.deviations.length === 0 ? 0 : 1;
  } finally {
    await trial.close();
  }
}

function print(report: TrialReport): void {
  const table = (title: string, counts: ReadonlyMap<string, number>): void => {
    console.log(`\n${title}`);
    for (const [what, count] of [...counts].sort(([, a], [, b]) => b - a)) {
      console.log(`${String(count).padStart(7)}  ${what}`);
    }
  };
  table('recipients who got it', report.arrived);
  table('recipients refused', report.refused);
  console.log(`\n${report.altered} messages were altered by the first Postfix before the gateway saw them`);
  console.log(`${report.deviations.length} deviations`);
  for (const line of report.deviations.slice(0, 200)) console.log(`  ${line}`);
}

process.exit(await main());
