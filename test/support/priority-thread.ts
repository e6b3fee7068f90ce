/** A thread that yields as it is told, and says what priority it then has. */
import { getPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { type Niceness, yieldToMail } from '../../src/trust/thread-priority.ts';

yieldToMail(workerData as Niceness);
parentPort?.postMessage(getPriority());
