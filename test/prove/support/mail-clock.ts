/**
 * Sends messages one after the other and takes the time of each, in a process of its own: what else the process that proves
 * has to do, as a hostile server or as the next hop, is not taken for the gateway's.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { submit } from '../../support/gateway-house.ts';

/** What is sent, and how often. */
export interface ClockedMail {
  readonly port: number;
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly messages: number;
}

export class MailClock {
  private readonly process: ChildProcess = fork(fileURLToPath(import.meta.url), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });

  /** Milliseconds of each message. @throws Error when one is not taken */
  async measure(mail: ClockedMail): Promise<number[]> {
    this.process.send(mail);
    const [answer] = (await once(this.process, 'message')) as [number[] | string];
    if (typeof answer === 'string') throw new Error(answer);
    return answer;
  }

  close(): void {
    this.process.disconnect();
  }
}

async function take({ port, from, to, text, messages }: ClockedMail): Promise<number[] | string> {
  const times: number[] = [];
  for (let sent = 0; sent < messages; sent++) {
    const begun = performance.now();
    const { data } = await submit(port, from, [to], text);
    if (data?.startsWith('250') !== true) return `a message to ${to} was answered ${data}`;
    times.push(performance.now() - begun);
  }
  return times;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.on('message', async (mail: ClockedMail) => process.send?.(await take(mail)));
}
