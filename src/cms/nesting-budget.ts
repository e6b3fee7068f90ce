/**
 * How deep CMS objects may stand inside each other (RFC 8551 §3.7: any nesting "within resource limits"; catalogue M7).
 * One for a message; whoever opens layer after layer asks it before each. It opens nothing itself.
 */

import type { ContentTypeName } from './content-info-reader.ts';
import { type CmsFailure, ReaderStop } from './reader-failure.ts';
import { READER_LIMITS } from './reader-limits.ts';

/** Layers opened so far, from the outside in. */
export class NestingBudget {
  private readonly opened: ContentTypeName[] = [];

  /** Types of the layers, the outermost first. */
  get layers(): readonly ContentTypeName[] {
    return this.opened;
  }

  /**
   * Asks for one layer more.
   * @returns null when it may be opened, else why not
   */
  enter(type: ContentTypeName): CmsFailure | null {
    if (this.opened.length >= READER_LIMITS.layers) {
      return new ReaderStop('limit', `more than ${READER_LIMITS.layers} layers`).failure;
    }
    const compressed = this.opened.filter((layer) => layer === 'compressedData').length;
    if (type === 'compressedData' && compressed >= READER_LIMITS.compressionLayers) {
      return new ReaderStop('limit', 'compressed more than once').failure;
    }
    this.opened.push(type);
    return null;
  }
}
