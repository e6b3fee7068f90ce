/**
 * Gets what a judgement missed, from disk or from the network: lists, OCSP answers, certificates of issuers. Who waits,
 * waits until something came that may decide, not until the slowest source has answered.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { CrlShelf } from './crl-shelf.ts';
import type { IntermediateShelf } from './intermediate-shelf.ts';
import type { OcspQuestion, OcspShelf } from './ocsp-shelf.ts';

/** OCSP is asked beside the CRL when that takes longer than this. */
const OCSP_AFTER_MS = 2_000;
const AT_ONCE_MAX = 8;
/** Lists that one question about one path can miss, and locations looked at of one certificate, which may name hundreds. */
const LISTS_WANTED_MAX = 24;

/** What a judgement missed: locations of lists, questions by certificate, locations of certificates of issuers. */
export interface Wanted {
  readonly crls: Set<string>;
  readonly ocsp: Map<string, OcspQuestion>;
  readonly issuers: Set<string>;
}

export function nothingWanted(): Wanted {
  return { crls: new Set(), ocsp: new Map(), issuers: new Set() };
}

export class EvidenceSupply {
  private readonly crls: CrlShelf;
  private readonly ocsp: OcspShelf;
  private readonly issuers: IntermediateShelf | null;
  private renewing = false;

  constructor(crls: CrlShelf, ocsp: OcspShelf, issuers: IntermediateShelf | null) {
    this.crls = crls;
    this.ocsp = ocsp;
    this.issuers = issuers;
  }

  /** Notes the lists that may bring something, up to a limit. @param uris attacker-chosen */
  noteLists(uris: readonly string[], wanted: Wanted): void {
    // always the same ones, so that asking once more asks nobody else
    for (const uri of uris.slice(0, LISTS_WANTED_MAX)) {
      if (wanted.crls.size >= LISTS_WANTED_MAX) return;
      if (this.crls.isWanting(uri)) wanted.crls.add(uri);
    }
  }

  /** Waits until something came, everything failed, or this long. What is under way goes on. Never rejects. */
  async supply(wanted: Wanted, deadlineMs: number): Promise<void> {
    const stop = new AbortController();
    const something = new Promise<void>((resolve) => {
      void this.fetchAll(wanted, resolve).then(resolve);
    });
    await Promise.race([something, delay(deadlineMs, null, { signal: stop.signal }).catch(() => {})]);
    stop.abort();
  }

  /** Waits for what lies on disk; the network goes on beside. Never rejects. */
  async supplyStored(wanted: Wanted): Promise<void> {
    const flights = [
      ...[...wanted.crls].map((uri) => this.crls.supply(uri)),
      ...[...wanted.ocsp.values()].map((question) => this.ocsp.supply(question)),
    ];
    await Promise.all(flights.map(({ stored }) => stored));
  }

  /** Nobody waits. */
  supplyBeside(wanted: Wanted): void {
    if (wanted.crls.size + wanted.ocsp.size > 0) void this.fetchAll(wanted, () => {});
  }

  /** Renews what is due; one round at a time, however slow its sources are. Never rejects. */
  async renew(): Promise<void> {
    if (this.renewing) return;
    this.renewing = true;
    const jobs = [
      ...this.crls.due().map((uri) => () => this.crls.supply(uri).done),
      ...this.ocsp.due().map((question) => () => this.ocsp.supply(question).done),
    ];
    await Promise.all(Array.from({ length: AT_ONCE_MAX }, () => drain(jobs)));
    this.renewing = false;
  }

  /** @param came is called for each thing that came and counts */
  private async fetchAll(wanted: Wanted, came: () => void): Promise<void> {
    const told = async (done: Promise<boolean>): Promise<boolean> => {
      const counts = await done;
      if (counts) came();
      return counts;
    };
    const { issuers: shelf } = this;
    const issuers = shelf === null ? [] : [...wanted.issuers].map((uri) => told(shelf.supply(uri).done));
    const lists = [...wanted.crls].map((uri) => told(this.crls.supply(uri).done));
    if (wanted.ocsp.size > 0) {
      const byCrl = Promise.all(lists).then((found) => found.length > 0 && found.every((one) => one));
      const enough = await Promise.race([byCrl, delay(OCSP_AFTER_MS, false, { ref: false })]);
      if (!enough) {
        await Promise.all([...wanted.ocsp.values()].map((question) => told(this.ocsp.supply(question).done)));
      }
    }
    await Promise.all([...lists, ...issuers]);
  }
}

async function drain(jobs: (() => Promise<unknown>)[]): Promise<void> {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await job();
}
