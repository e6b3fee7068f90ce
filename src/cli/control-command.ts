/**
 * Commands that ask the running gateway over its control socket: `queue list|show|retry|drop`, `health`, `reload`. What
 * comes back is shown as it is; nothing of it is trusted to be of a certain form.
 */
import { askGateway, type ControlReply } from '../admin/control-client.ts';
import { findSpoolFolder } from '../config/spool-folder.ts';
import { controlSocketIn } from '../gateway.ts';
import { printable } from '../log/logger.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { configurationFile, loadOrReport } from './load-or-report.ts';
import { formatMetrics } from './metrics-text.ts';
import { formatJson, type Terminal } from './terminal.ts';

export interface ControlOptions {
  readonly config?: string;
  readonly json?: boolean;
}

export interface HealthOptions extends ControlOptions {
  readonly metrics?: boolean;
}

interface Request {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** The answer for people; `--json` shows it whole. */
  readonly format: (body: unknown) => string;
}

/** Identifiers as the queue makes them; anything else is a slip, and no path is built from it. */
const QUEUE_ID = /^[\w-]{1,64}$/;

export function queueList(options: ControlOptions, terminal: Terminal): Promise<ExitCode> {
  return ask({ method: 'GET', path: '/queue', format: formatQueue }, options, terminal);
}

export function queueShow(id: string, options: ControlOptions, terminal: Terminal): Promise<ExitCode> {
  return askAbout(id, { method: 'GET', path: `/queue/${id}`, format: formatEntry }, options, terminal);
}

export function queueRetry(id: string, options: ControlOptions, terminal: Terminal): Promise<ExitCode> {
  const request: Request = { method: 'POST', path: `/queue/${id}/retry`, format: () => `${id} is due now` };
  return askAbout(id, request, options, terminal);
}

export function queueDrop(id: string, options: ControlOptions, terminal: Terminal): Promise<ExitCode> {
  const request: Request = { method: 'DELETE', path: `/queue/${id}`, format: () => `${id} removed, nobody is told` };
  return askAbout(id, request, options, terminal);
}

/** With `metrics` the answer is text for Prometheus, also where nobody answers or the gateway is not healthy. */
export async function health(options: HealthOptions, terminal: Terminal): Promise<ExitCode> {
  if (options.metrics === true) return healthMetrics(options, terminal);
  const format = (body: unknown) => (fieldOf(body, 'healthy') === true ? 'healthy' : 'not healthy');
  return ask({ method: 'GET', path: '/health', format }, options, terminal);
}

async function healthMetrics(options: ControlOptions, terminal: Terminal): Promise<ExitCode> {
  const reply = await reach({ method: 'GET', path: '/health' }, options, terminal);
  if (typeof reply === 'number') return reply;
  const answered = reply.kind === 'answer';
  terminal.out(formatMetrics(answered ? reply.body : null));
  if (!answered) return EXIT.temporary;
  return reply.status === 200 ? EXIT.ok : EXIT.no;
}

export function reload(options: ControlOptions, terminal: Terminal): Promise<ExitCode> {
  const format = (body: unknown) => `reloaded, configuration ${textOf(body, 'configuration')}`;
  return ask({ method: 'POST', path: '/reload', format }, options, terminal);
}

function askAbout(id: string, request: Request, options: ControlOptions, terminal: Terminal): Promise<ExitCode> {
  if (QUEUE_ID.test(id)) return ask(request, options, terminal);
  terminal.say(`"${id}" is no message identifier`);
  terminal.hint('sealgate queue list shows them');
  return Promise.resolve(EXIT.usage);
}

async function ask(request: Request, options: ControlOptions, terminal: Terminal): Promise<ExitCode> {
  const reply = await reach(request, options, terminal);
  return typeof reply === 'number' ? reply : report(reply, request, options, terminal);
}

/** What the gateway answers; an exit code after what is wrong was said. */
async function reach(
  request: Pick<Request, 'method' | 'path'>,
  options: ControlOptions,
  terminal: Terminal,
): Promise<(ControlReply & { readonly socket: string }) | ExitCode> {
  const folder = await findSpoolFolder(configurationFile(options.config, terminal));
  // without a folder there is a mistake to be told
  const configuration = folder === null ? await loadOrReport(options.config, terminal) : null;
  const spool = folder ?? configuration?.queue.folder;
  if (spool === undefined) return EXIT.configuration;
  const socket = controlSocketIn(spool);
  const reply = await askGateway(socket, request.method, request.path).catch((error: unknown) => {
    terminal.say(error instanceof Error ? error.message : String(error));
    return null;
  });
  if (reply === null) return EXIT.temporary;
  return { ...reply, socket };
}

function report(
  reply: ControlReply & { readonly socket: string },
  request: Request,
  options: ControlOptions,
  terminal: Terminal,
): ExitCode {
  if (reply.kind === 'not-running') {
    terminal.say(`no gateway is running with this configuration (nobody answers at ${reply.socket})`);
    terminal.hint('sealgate start, or --config for another one; if queue.folder was changed while it runs, restart it');
    return EXIT.temporary;
  }
  if (reply.status === 200) {
    terminal.out(options.json === true ? formatJson(reply.body) : request.format(reply.body));
    return EXIT.ok;
  }
  const mistakes = fieldOf(reply.body, 'mistakes');
  if (options.json === true) terminal.out(formatJson(reply.body));
  else if (Array.isArray(mistakes)) for (const mistake of mistakes) terminal.say(String(mistake));
  else terminal.say(textOf(reply.body, 'problem') || `the gateway answers ${reply.status}`);
  if (reply.status !== 422) return EXIT.no;
  terminal.hint('the configuration that was in force stays in force');
  return EXIT.configuration;
}

function formatQueue(body: unknown): string {
  const entries = Array.isArray(body) ? body : [];
  if (entries.length === 0) return 'the queue is empty';
  return entries
    .map((entry: unknown) => {
      const recipients = listOf(entry, 'recipients');
      const waiting = recipients.filter((recipient) => textOf(recipient, 'state') !== 'delivered');
      const next = textOf(entry, 'nextAttemptAt') || 'not scheduled';
      const people = waiting.map((recipient) => textOf(recipient, 'address')).join(' ');
      const replies = new Set(
        waiting.map((recipient) => textOf(recipient, 'lastReply')).filter((reply) => reply !== ''),
      );
      const line = `${textOf(entry, 'id')}  ${textOf(entry, 'receivedAt')}  ${textOf(entry, 'storedBytes')} octets  ${textOf(entry, 'from')} -> ${people}  next ${next}`;
      // why it waits is the first question
      return [line, ...[...replies].map((reply) => `  ${reply}`)].join('\n');
    })
    .join('\n');
}

/** Every fact of a message on a line of its own, then a block for each recipient. */
function formatEntry(body: unknown): string {
  const facts = entriesOf(body).filter(([name]) => name !== 'recipients');
  const recipients = listOf(body, 'recipients').flatMap((recipient) => {
    const [first, ...rest] = entriesOf(recipient);
    return [`  ${String(first?.[1] ?? '?')}`, ...rest.map(([name, value]) => formatFact(name, value, '    '))];
  });
  return [...facts.map(([name, value]) => formatFact(name, value, '')), 'recipients', ...recipients].join('\n');
}

function formatFact(name: string, value: unknown, indent: string): string {
  return `${indent}${name.padEnd(14)} ${value === null ? '-' : printable(String(value))}`;
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function fieldOf(value: unknown, name: string): unknown {
  return entriesOf(value).find(([key]) => key === name)?.[1];
}

function listOf(value: unknown, name: string): readonly unknown[] {
  const field = fieldOf(value, name);
  return Array.isArray(field) ? field : [];
}

function textOf(value: unknown, name: string): string {
  const field = fieldOf(value, name);
  return typeof field === 'string' || typeof field === 'number' ? printable(String(field)) : '';
}
