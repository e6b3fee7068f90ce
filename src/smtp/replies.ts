/**
 * The one place where replies get their enhanced status code (RFC 2034, RFC 3463, RFC 5248).
 *
 * A refusal carries the code of its row in errors.ts and nothing else. What smtp-server says by itself goes through
 * {@link settleLibraryReply}: left alone it prefixes a code chosen by the reply code, so that `550 5.7.1 no` leaves
 * as `550 5.1.1 5.7.1 no`. No code: the greeting, answers to HELO and EHLO, and 3xx.
 */
import type { GatewayError } from '../errors.ts';

export interface Reply {
  readonly code: number;
  readonly text: string;
}

/** What the door says itself when nothing is wrong, or when only the order of commands is. */
export const REPLY = {
  senderAccepted: { code: 250, text: '2.1.0 sender ok' },
  recipientAccepted: { code: 250, text: '2.1.5 recipient ok' },
  startMessage: { code: 354, text: 'end data with <CR><LF>.<CR><LF>' },
  reset: { code: 250, text: '2.0.0 flushed' },
  help: { code: 214, text: '2.0.0 see RFC 5321' },
  needMail: { code: 503, text: '5.5.1 need MAIL command' },
  needRecipient: { code: 503, text: '5.5.1 need RCPT command' },
  transactionOpen: { code: 503, text: '5.5.1 not during a mail transaction' },
  noArguments: { code: 501, text: '5.5.4 no arguments expected' },
  badHostname: { code: 501, text: 'syntax: HELO or EHLO and a host name' },
} as const satisfies Record<string, Reply>;

/** The reply of a refusal: code, enhanced code and public text of its row. */
export function replyOf(error: GatewayError): Reply {
  return { code: error.reply, text: `${error.enhanced} ${error.publicText}` };
}

/** The reply that makes us responsible for a message. */
export function acceptedReply(queueId: string): Reply {
  return { code: 250, text: `2.0.0 queued as ${queueId}` };
}

const CODE_OF_LIBRARY_REPLY: Readonly<Record<number, string>> = {
  214: '2.0.0',
  220: '2.0.0',
  221: '2.0.0',
  235: '2.7.0',
  250: '2.0.0',
  252: '2.0.0',
  421: '4.7.0',
  451: '4.3.0',
  454: '4.7.0',
  500: '5.5.2',
  501: '5.5.4',
  502: '5.5.1',
  503: '5.5.1',
  504: '5.5.4',
  530: '5.7.0',
  535: '5.7.8',
};

/**
 * Gives a reply of smtp-server its enhanced code.
 * @param context as smtp-server passes it: false where no code belongs
 */
export function settleLibraryReply(code: number, text: string, context: string | false | undefined): string {
  const plain = text.replace(/^Error: /, '');
  if (context === false || (code >= 300 && code < 400)) return plain;
  if (code === 421 && plain.startsWith('Timeout')) return `4.4.2 ${plain}`;
  return `${CODE_OF_LIBRARY_REPLY[code] ?? `${Math.floor(code / 100)}.0.0`} ${plain}`;
}
