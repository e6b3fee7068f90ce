/**
 * The program of the thread that reads large CRLs (`crl-thread.ts`): a name of a file comes, the list or why it is refused
 * goes back. It has no network, no environment and no key; what a file says is data here as everywhere.
 *
 * Whose keys may have signed a list is known on the other side. It is asked for in the middle of a list, and this thread
 * sleeps until the answer is there: there is nothing else for it to do.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Certificate } from '../x509/certificate.ts';
import { parseCertificate } from '../x509/certificate-reader.ts';
import { readCrlFile } from './crl-file.ts';
import { type CrlMessage, failureOf, memoryOf, partsOf } from './crl-parts.ts';
import { yieldToMail } from './thread-priority.ts';

/** Nobody waits for this loop: a piece of the file a turn. */
const TURN_OCTETS = 64 * 1024;

const port = parentPort;
if (port === null) throw new Error('this program is a thread of another');
/** 1: the answer to the question lies at the port. */
const answered = workerData as Int32Array<SharedArrayBuffer>;

yieldToMail(10);
port.on('message', (file: string) => void read(file));

async function read(file: string): Promise<void> {
  try {
    const parts = partsOf(await readCrlFile(file, signersOf, TURN_OCTETS));
    send({ kind: 'list', parts }, memoryOf(parts));
  } catch (thrown) {
    send({ kind: 'failure', failure: failureOf(thrown) });
  }
}

function signersOf(issuer: Buffer): readonly Certificate[] {
  send({ kind: 'question', issuer });
  Atomics.wait(answered, 0, 0);
  Atomics.store(answered, 0, 0);
  const answer = port === null ? undefined : receiveMessageOnPort(port);
  const certificates = (answer?.message ?? []) as readonly Uint8Array[];
  return certificates.map((octets) => parseCertificate(Buffer.from(octets)));
}

function send(message: CrlMessage, memory: readonly ArrayBuffer[] = []): void {
  port?.postMessage(message, memory);
}
