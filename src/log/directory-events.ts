/** Events of `directory/`: sources that fail and recover, folders read anew, files and entries that are no certificates. */
import { log, printable } from './logger.ts';

/** A source could not answer; it is not asked again for a while. Once an outage and once a probe. */
export function sourceFailed(source: string, reason: string, failFastMs: number): void {
  log().warn(
    { event: 'directory.source-failed', source, reason: printable(reason), failFastMs },
    'directory source failed',
  );
}

/** A source that had failed answers again. */
export function sourceRecovered(source: string): void {
  log().info({ event: 'directory.source-recovered', source }, 'directory source recovered');
}

/** The index of a folder was swapped for a newer one. */
export function folderReloaded(
  source: string,
  counts: { readonly files: number; readonly certificates: number; readonly mailboxes: number },
): void {
  log().info({ event: 'directory.folder-read', source, ...counts }, 'certificate folder read');
}

/** A file of a folder source holds something that is no certificate. Once each time the file changes. */
export function problemFile(source: string, file: string, problem: string): void {
  log().warn(
    { event: 'directory.problem-file', source, file: printable(file), problem: printable(problem) },
    'certificate file has a problem',
  );
}

/** The folder cannot be watched; it is read periodically instead. */
export function folderNotWatched(source: string, reason: string): void {
  log().warn(
    { event: 'directory.folder-not-watched', source, reason: printable(reason) },
    'certificate folder cannot be watched, reading it periodically',
  );
}

/** More was published for one mailbox than is considered. */
export function answerCut(source: string, address: string, kept: number, published: number): void {
  log().warn(
    { event: 'directory.answer-cut', source, address: printable(address), kept, published },
    'too many certificates for one mailbox',
  );
}

/** A mailbox that had a certificate lately has none now (catalogue C28). */
export function certificateGone(source: string, address: string, lastSeen: Date): void {
  log().warn(
    { event: 'directory.certificate-gone', source, address: printable(address), lastSeen: lastSeen.toISOString() },
    'published certificate is gone',
  );
}

/** A source threw what it never should: a defect of ours, answered as failure. */
export function sourceDefect(source: string, thrown: unknown): void {
  log().error({ event: 'directory.defect', source, err: thrown }, 'defect in directory source');
}
