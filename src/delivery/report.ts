/**
 * The report about recipients who failed for good (RFC 3464, RFC 6522, RFC 3834 §5.1): for people, for machines, and the
 * header of the message they wrote.
 *
 * Never content, whatever RET asked for (catalogue O6, RFC 3461 §6.2 lets the MTA choose); no recipient but those who
 * failed (C18); none to the null sender, none about a report, none that NOTIFY forbids; no header copy to a return path
 * outside our domains, which nobody vouches for (S15). Every report goes by the internal route: we never write to
 * strangers ourselves. Pure: date and identifiers are arguments.
 */
import { parseAddress } from '../address.ts';
import type { FailureReport, Reply, ReportMessage } from '../queue/queue.ts';
import type { QueueRecipient } from '../queue/record.ts';

export interface ReportContext {
  /** Reporting-MTA, and the domain of From and Message-ID. */
  readonly hostname: string;
  /** Our own domains, lower-case A-labels. */
  readonly ours: readonly string[];
  /** Random, at least 64 bit, letters and digits: boundary, Message-ID and trace are made of it. */
  readonly unique: string;
}

type Failure = FailureReport['failures'][number];

/** Header copies longer than this are cut at a field: a report stays small. */
const HEADER_COPY_BYTES_MAX = 65536;
/** RFC 5322 §2.1.1 */
const LINE_MAX = 998;
const TEXT_WIDTH = 76;

/** @returns null when no report is due */
export function formatReport(report: FailureReport, context: ReportContext): ReportMessage | null {
  const { record } = report;
  if (record.reversePath === null || record.direction === 'report') return null;
  const returnPath = parseAddress(record.reversePath);
  if (returnPath === null) return null;
  const recipients = new Map(record.groups.flatMap((group) => group.recipients.map((known) => [known.address, known])));
  const failures = report.failures.filter(({ address }) => mayNotify(recipients.get(address)?.notify ?? null));
  if (failures.length === 0) return null;
  const own = context.ours.includes(returnPath.domain);
  const boundary = `=_${context.unique}`;
  const parts = [
    textPart(failures, context),
    statusPart(report, failures, recipients, context),
    ...(own ? [headerPart(record.reportHeader)] : []),
  ];
  const body = `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`;
  return {
    record: {
      traceId: `${record.traceId}-${context.unique.slice(0, 8)}`,
      direction: 'report',
      receivedAt: report.at.getTime(),
      reversePath: null,
      configuration: record.configuration,
      body: '7BIT',
      envid: null,
      ret: null,
      smtpUtf8: !isAscii(returnPath.text),
      reportHeader: '',
      groups: [
        {
          protection: 'may-be-clear',
          stage: 'ready',
          // a return path that is not ours came from the internal server (a forward), and it knows whether to pass this on
          route: 'internal',
          recipients: [{ address: returnPath.text, certificateSha256: null, orcpt: null, notify: null }],
          header: outerHeader(returnPath.text, report.at, context, boundary),
          content: { kind: 'clear', bodyIndex: 0, eightBit: false },
          treatment: 'delivery report',
        },
      ],
    },
    body: Buffer.from(body, 'latin1'),
  };
}

/** RFC 3461 §4.1: without NOTIFY a failure is told. */
function mayNotify(notify: string | null): boolean {
  return notify === null || notify.toUpperCase().split(',').includes('FAILURE');
}

function outerHeader(to: string, at: Date, context: ReportContext, boundary: string): string {
  return lines([
    `Date: ${formatDate(at)}`,
    `From: Mail Delivery System <MAILER-DAEMON@${context.hostname}>`,
    // octets of UTF-8 as latin1 text, as headers are kept
    `To: <${Buffer.from(to).toString('latin1')}>`,
    'Subject: Your message could not be delivered',
    `Message-ID: <${context.unique}@${context.hostname}>`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="${boundary}"`,
  ]);
}

function textPart(failures: readonly Failure[], context: ReportContext): string {
  const told = failures.flatMap(({ address, reply }) => [
    '',
    `<${ascii(address)}>`,
    ...wrap(`${who(reply)} ${said(reply)}`, '    '),
  ]);
  return lines([
    'Content-Type: text/plain; charset=us-ascii',
    'Content-Transfer-Encoding: 7bit',
    '',
    `This is the mail gateway ${context.hostname}.`,
    '',
    failures.length === 1
      ? 'Your message could not be delivered to this recipient:'
      : 'Your message could not be delivered to these recipients:',
    ...told,
    '',
    'It will not be tried again. Nothing of its content is in this report.',
  ]);
}

function who(reply: Reply): string {
  return reply.hop === null ? 'This gateway found:' : `The mail server ${ascii(reply.hop)} answered:`;
}

function said(reply: Reply): string {
  return oneField(`${reply.code === 0 ? '' : `${reply.code} `}${reply.enhanced} ${reply.text}`);
}

function statusPart(
  report: FailureReport,
  failures: readonly Failure[],
  recipients: ReadonlyMap<string, QueueRecipient>,
  context: ReportContext,
): string {
  const { record, at } = report;
  const perMessage = [`Reporting-MTA: dns; ${context.hostname}`];
  if (record.envid !== null) perMessage.push(`Original-Envelope-Id: ${oneField(record.envid)}`);
  perMessage.push(`Arrival-Date: ${formatDate(new Date(record.receivedAt))}`);
  const perRecipient = failures.flatMap(({ address, reply }) => {
    const orcpt = recipients.get(address)?.orcpt ?? null;
    return [
      '',
      ...(orcpt !== null && /^[A-Za-z0-9-]+;[!-~]+$/.test(orcpt) ? [`Original-Recipient: ${oneField(orcpt)}`] : []),
      `Final-Recipient: ${isAscii(address) ? 'rfc822' : 'utf-8'}; ${ascii(address)}`,
      'Action: failed',
      `Status: ${reply.enhanced}`,
      ...(reply.hop === null ? [] : [`Remote-MTA: dns; ${oneField(reply.hop.replace(/:\d+$/, ''))}`]),
      ...(reply.code === 0 ? [] : [`Diagnostic-Code: smtp; ${said(reply)}`]),
      `Last-Attempt-Date: ${formatDate(at)}`,
    ];
  });
  return lines(['Content-Type: message/delivery-status', '', ...perMessage, ...perRecipient]);
}

/** Bcc fields are dropped wherever they came from: the report may be forwarded by a human or a machine. */
function headerPart(reportHeader: string): string {
  const kept: string[] = [];
  let bytes = 0;
  const rawLines = reportHeader.split(/\r\n|\r|\n/);
  let dropping = false;
  for (const line of rawLines) {
    // what follows an empty line would be content
    if (line === '') break;
    if (!/^[ \t]/.test(line)) dropping = /^(?:resent-)?bcc[ \t]*:/i.test(line) || !/^[!-9;-~]+[ \t]*:/.test(line);
    if (dropping) continue;
    bytes += line.length + 2;
    if (bytes > HEADER_COPY_BYTES_MAX) break;
    kept.push(line.replace(/[^\t\x20-\x7e]/g, '?').slice(0, LINE_MAX));
  }
  return lines(['Content-Type: text/rfc822-headers', 'Content-Transfer-Encoding: 7bit', '', ...kept]);
}

/** RFC 6533 §3: an address beyond ASCII as utf-8-addr-xtext, `\x{E9}`; every other text likewise. */
function ascii(text: string): string {
  return [...text].map((c) => (isAscii(c) ? c : `\\x{${(c.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`)).join('');
}

function isAscii(text: string): boolean {
  return !/[^\x20-\x7e]/.test(text);
}

function oneField(text: string): string {
  return ascii(text).slice(0, LINE_MAX - 100);
}

/** RFC 5322 §3.3, in UTC. */
function formatDate(date: Date): string {
  return date.toUTCString().replace(/GMT$/, '+0000');
}

function wrap(text: string, indent: string): string[] {
  const wrapped: string[] = [];
  let line = indent;
  for (const word of text.split(' ').filter((piece) => piece !== '')) {
    if (line.length + word.length > TEXT_WIDTH && line.trim() !== '') {
      wrapped.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  wrapped.push(line.trimEnd());
  return wrapped;
}

function lines(all: readonly string[]): string {
  return `${all.join('\r\n')}\r\n`;
}
